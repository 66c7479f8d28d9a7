// Logarithm, exponential, cosine and sine, and the uniforms and exponentials that random words are made into, eight at a time.
// The file is a part of each topic that includes it, and so it is compiled for each instruction set.
// Vectors pass by pointer: by value the ABI would differ between instruction sets.
//
// AVX2 has no conversion between 64-bit integers and doubles, and compilers take lanes apart for one. So whole numbers are put into the low
// bits of 2^52 or 1.5 * 2^52, whose unit is 1, and what is larger than them is subtracted: exactly the same numbers.

// Long chains of steps wait for each other: several vectors side by side, in functions of a plural name, take little longer than one.

// ln x for normal positive x. x = 2^k m with m in [sqrt(1/2), sqrt 2), s = (m - 1) / (m + 1), |s| <= 0.1716:
// ln m = 2 s (1 + s^2/3 + s^4/5 + ...); eleven terms leave 5e-18 of the sum.
AI void NAME(logs_)(const vd *x, int count, vd *out) {
  vd s[MOST], z[MOST], p[MOST], k[MOST];
  for (int i = 0; i < count; i++) {
    vu bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    // Adding the distance from sqrt(1/2) to 1 carries into the exponent just where m >= sqrt 2 would begin.
    vu shifted = bits + (BITS_OF_ONE - BITS_OF_SQRT_HALF);
    vu exponent = shifted >> 52 | BITS_OF_2_52;
    vu mantissa = (shifted & BITS_OF_MANTISSA) + BITS_OF_SQRT_HALF;
    vd m;
    __builtin_memcpy(&m, &mantissa, sizeof m);
    __builtin_memcpy(k + i, &exponent, sizeof m);
    k[i] -= 0x1p52 + 1023.0;
    vd f = m - 1.0;
    s[i] = f / (f + 2.0);
    z[i] = s[i] * s[i];
    p[i] = z[i] * (1.0 / 21.0) + 1.0 / 19.0;
  }
  const double terms[] = {1.0 / 17.0, 1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0};
  for (int j = 0; j < 8; j++)
    for (int i = 0; i < count; i++) p[i] = p[i] * z[i] + terms[j];
  // ln 2 in two parts: k times the first is exact.
  for (int i = 0; i < count; i++)
    out[i] = k[i] * LN_2_HIGH + (k[i] * LN_2_LOW + (s[i] * 2.0 + (s[i] * 2.0) * (z[i] * p[i])));
}

AI void NAME(log_)(const vd *x, vd *out) { NAME(logs_)(x, 1, out); }

// cos and sin of 2 pi u, u in [0, 1): u is reduced to the nearest quarter turn, |angle| <= pi/4, and the
// Taylor series are cut where the next term is below 2^-56.
AI void NAME(turns_)(const vd *u, int count, vd *cosine, vd *sine) {
  vi n[MOST];
  vd a[MOST], z[MOST], s[MOST], c[MOST];
  for (int i = 0; i < count; i++) {
    vd quarters = u[i] * 4.0;
    vd whole = __builtin_elementwise_floor(quarters + 0.5);
    a[i] = (quarters - whole) * HALF_PI;
    whole += 0x1p52;
    __builtin_memcpy(n + i, &whole, sizeof whole);
    z[i] = a[i] * a[i];
    s[i] = z[i] * (1.0 / 355687428096000.0) - 1.0 / 1307674368000.0;
    c[i] = z[i] * (-1.0 / 6402373705728000.0) + 1.0 / 20922789888000.0;
  }
  const double sines[] = {1.0 / 6227020800.0, -1.0 / 39916800.0, 1.0 / 362880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0};
  const double cosines[] = {-1.0 / 87178291200.0, 1.0 / 479001600.0, -1.0 / 3628800.0, 1.0 / 40320.0, -1.0 / 720.0, 1.0 / 24.0};
  for (int j = 0; j < 6; j++)
    for (int i = 0; i < count; i++) {
      s[i] = s[i] * z[i] + sines[j];
      c[i] = c[i] * z[i] + cosines[j];
    }
  for (int i = 0; i < count; i++) {
    s[i] = a[i] + a[i] * (z[i] * s[i]);
    c[i] = c[i] * z[i] - 0.5;
    c[i] = c[i] * z[i] + 1.0;
    vi odd = (n[i] & 1) != 0;
    vd first = odd ? s[i] : c[i], second = odd ? c[i] : s[i];
    cosine[i] = ((n[i] & 3) == 1 || (n[i] & 3) == 2) ? -first : first;
    sine[i] = ((n[i] & 3) >= 2) ? -second : second;
  }
}

AI void NAME(turn_)(const vd *u, vd *cosine, vd *sine) { NAME(turns_)(u, 1, cosine, sine); }

// word >> 11, its high 21 and its low 32 bits apart.
AI void NAME(whole_)(const vu *word, vd *out) {
  vu high = *word >> 43 | 0x4530000000000000ull, low = (*word >> 11 & 0xFFFFFFFFull) | BITS_OF_2_52;
  vd a, b;
  __builtin_memcpy(&a, &high, sizeof a);
  __builtin_memcpy(&b, &low, sizeof b);
  *out = (a - 0x1.00000001p84) + b;
}

// (word >> 11) 2^-53 in [0, 1)
AI void NAME(uniform_)(const vu *word, vd *out) {
  NAME(whole_)(word, out);
  *out = *out * 0x1p-53;
}

// -ln of ((word >> 11) + 1) 2^-53 in (0, 1]
AI void NAME(exponentials_)(const vu *word, int count, vd *out) {
  vd u[MOST];
  for (int i = 0; i < count; i++) {
    NAME(whole_)(word + i, u + i);
    u[i] = (u[i] + 1.0) * 0x1p-53;
  }
  NAME(logs_)(u, count, out);
  for (int i = 0; i < count; i++) out[i] = -out[i];
}

AI void NAME(exponential_)(const vu *word, vd *out) { NAME(exponentials_)(word, 1, out); }

// e^x for x in [-700, 700], as ck_exp: 2^k e^r, |r| <= ln2 / 2, Taylor to r^14 / 14!.
AI void NAME(exps_)(const vd *x, int count, vd *out) {
  vd r[MOST], p[MOST], power[MOST];
  for (int i = 0; i < count; i++) {
    vd scaled = x[i] * ONE_OVER_LN_2;
    vd whole = __builtin_elementwise_trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    r[i] = (x[i] - whole * LN_2_HIGH) - whole * LN_2_LOW;
    whole += 0x1.8p52 + 1023.0;
    vi bits;
    __builtin_memcpy(&bits, &whole, sizeof bits);
    bits <<= 52;
    __builtin_memcpy(power + i, &bits, sizeof bits);
    p[i] = (vd){0} + 1.0;
  }
  for (int n = 14; n > 0; n--)
    for (int i = 0; i < count; i++) p[i] = p[i] * (r[i] * (1.0 / n)) + 1.0;
  for (int i = 0; i < count; i++) out[i] = p[i] * power[i];
}

AI void NAME(exp_)(const vd *x, vd *out) { NAME(exps_)(x, 1, out); }
