// Logarithm, exponential, cosine and sine, and the uniforms and exponentials that random words are made into, eight at a time.
// The file is a part of each topic that includes it, and so it is compiled for each instruction set.
// Vectors pass by pointer: by value the ABI would differ between instruction sets.
//
// AVX2 has no conversion between 64-bit integers and doubles, and compilers take lanes apart for one. So whole numbers are put into the low
// bits of 2^52 or 1.5 * 2^52, whose unit is 1, and what is larger than them is subtracted: exactly the same numbers.

// ln x for normal positive x. x = 2^k m with m in [sqrt(1/2), sqrt 2), s = (m - 1) / (m + 1), |s| <= 0.1716:
// ln m = 2 s (1 + s^2/3 + s^4/5 + ...); eleven terms leave 5e-18 of the sum.
AI void NAME(log_)(const vd *x, vd *out) {
  vu bits;
  __builtin_memcpy(&bits, x, sizeof bits);
  // Adding the distance from sqrt(1/2) to 1 carries into the exponent just where m >= sqrt 2 would begin.
  vu shifted = bits + (BITS_OF_ONE - BITS_OF_SQRT_HALF);
  vu exponent = shifted >> 52 | BITS_OF_2_52;
  vu mantissa = (shifted & BITS_OF_MANTISSA) + BITS_OF_SQRT_HALF;
  vd m;
  __builtin_memcpy(&m, &mantissa, sizeof m);
  vd k;
  __builtin_memcpy(&k, &exponent, sizeof k);
  k -= 0x1p52 + 1023.0;
  vd f = m - 1.0;
  vd s = f / (f + 2.0);
  vd z = s * s;
  vd p = z * (1.0 / 21.0) + 1.0 / 19.0;
  p = p * z + 1.0 / 17.0;
  p = p * z + 1.0 / 15.0;
  p = p * z + 1.0 / 13.0;
  p = p * z + 1.0 / 11.0;
  p = p * z + 1.0 / 9.0;
  p = p * z + 1.0 / 7.0;
  p = p * z + 1.0 / 5.0;
  p = p * z + 1.0 / 3.0;
  // ln 2 in two parts: k times the first is exact.
  *out = k * LN_2_HIGH + (k * LN_2_LOW + (s * 2.0 + (s * 2.0) * (z * p)));
}

// cos and sin of 2 pi u, u in [0, 1): u is reduced to the nearest quarter turn, |angle| <= pi/4, and the
// Taylor series are cut where the next term is below 2^-56.
AI void NAME(turn_)(const vd *u, vd *cosine, vd *sine) {
  vd quarters = *u * 4.0;
  vd whole = __builtin_elementwise_floor(quarters + 0.5);
  vd a = (quarters - whole) * HALF_PI;
  vi n;
  whole += 0x1p52;
  __builtin_memcpy(&n, &whole, sizeof n);
  vd z = a * a;
  vd s = z * (1.0 / 355687428096000.0) - 1.0 / 1307674368000.0;
  s = s * z + 1.0 / 6227020800.0;
  s = s * z - 1.0 / 39916800.0;
  s = s * z + 1.0 / 362880.0;
  s = s * z - 1.0 / 5040.0;
  s = s * z + 1.0 / 120.0;
  s = s * z - 1.0 / 6.0;
  s = a + a * (z * s);
  vd c = z * (-1.0 / 6402373705728000.0) + 1.0 / 20922789888000.0;
  c = c * z - 1.0 / 87178291200.0;
  c = c * z + 1.0 / 479001600.0;
  c = c * z - 1.0 / 3628800.0;
  c = c * z + 1.0 / 40320.0;
  c = c * z - 1.0 / 720.0;
  c = c * z + 1.0 / 24.0;
  c = c * z - 0.5;
  c = c * z + 1.0;
  vi odd = (n & 1) != 0;
  vd first = odd ? s : c, second = odd ? c : s;
  *cosine = ((n & 3) == 1 || (n & 3) == 2) ? -first : first;
  *sine = ((n & 3) >= 2) ? -second : second;
}

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
AI void NAME(exponential_)(const vu *word, vd *out) {
  vd u;
  NAME(whole_)(word, &u);
  u = (u + 1.0) * 0x1p-53;
  NAME(log_)(&u, out);
  *out = -*out;
}

// e^x for x in [-700, 700], as ck_exp: 2^k e^r, |r| <= ln2 / 2, Taylor to r^14 / 14!.
AI void NAME(exp_)(const vd *x, vd *out) {
  vd scaled = *x * ONE_OVER_LN_2;
  vd whole = __builtin_elementwise_trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  vd r = (*x - whole * LN_2_HIGH) - whole * LN_2_LOW;
  vd p = (vd){0} + 1.0;
  for (int n = 14; n > 0; n--) p = p * (r * (1.0 / n)) + 1.0;
  whole += 0x1.8p52 + 1023.0;
  vi bits;
  __builtin_memcpy(&bits, &whole, sizeof bits);
  bits <<= 52;
  vd power;
  __builtin_memcpy(&power, &bits, sizeof power);
  *out = p * power;
}
