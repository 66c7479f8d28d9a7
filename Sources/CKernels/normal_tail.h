// The tails of the standard normal distribution and their inverse, eight at a time. The file is a part of each topic that includes
// it, after elementary.h.

// The normal quantile of 1 - p, p in (0, 1/2] or a little above. [Wichura 1988, algorithm AS 241]: three rational functions, the tails in sqrt(-ln p).
AI void NAME(upper_quantiles_)(const vd *tail_mass, int count, vd *out) {
  const double tops[] = {2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080};
  const double bottoms[] = {5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0};
  vd q[MOST], r[MOST], top[MOST], bottom[MOST];
  vi tail = {0};
  for (int i = 0; i < count; i++) {
    q[i] = tail_mass[i] - 0.5;
    r[i] = 0.180625 - q[i] * q[i];
    tail |= q[i] < -0.425;
    top[i] = (vd){0} + tops[0];
    bottom[i] = (vd){0} + bottoms[0];
  }
  for (int j = 1; j < 8; j++)
    for (int i = 0; i < count; i++) {
      top[i] = top[i] * r[i] + tops[j];
      bottom[i] = bottom[i] * r[i] + bottoms[j];
    }
  for (int i = 0; i < count; i++) out[i] = -q[i] * top[i] / bottom[i];
  int64_t any = 0;
  for (int j = 0; j < W; j++) any |= tail[j];
  if (any) {
    const double middles[] = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734};
    const double under_middles[] = {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0};
    const double ends[] = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720};
    const double under_ends[] = {2.04426310337993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0};
    vd safe[MOST], l[MOST];
    vi far = {0};
    for (int i = 0; i < count; i++) safe[i] = tail_mass[i] < 0x1p-1000 ? (vd){0} + 0x1p-1000 : tail_mass[i];
    NAME(logs_)(safe, count, l);
    for (int i = 0; i < count; i++) {
      r[i] = __builtin_elementwise_sqrt(l[i] > 0 ? (vd){0} : -l[i]);
      far |= r[i] > 5.0;
      vd x = r[i] - 1.6;
      safe[i] = x;
      top[i] = (vd){0} + middles[0];
      bottom[i] = (vd){0} + under_middles[0];
    }
    for (int j = 1; j < 8; j++)
      for (int i = 0; i < count; i++) {
        top[i] = top[i] * safe[i] + middles[j];
        bottom[i] = bottom[i] * safe[i] + under_middles[j];
      }
    int64_t is_far = 0;
    for (int j = 0; j < W; j++) is_far |= far[j];
    for (int i = 0; i < count; i++) {
      vd middle = top[i] / bottom[i];
      if (is_far) {
        vd x = r[i] - 5.0, above = (vd){0} + ends[0], below = (vd){0} + under_ends[0];
        for (int j = 1; j < 8; j++) {
          above = above * x + ends[j];
          below = below * x + under_ends[j];
        }
        middle = x > 0 ? above / below : middle;
      }
      out[i] = q[i] < -0.425 ? middle : out[i];
    }
  }
}

AI void NAME(upper_quantile_)(const vd *tail_mass, vd *out) { NAME(upper_quantiles_)(tail_mass, 1, out); }

// Pr[Z > z] of a standard normal for z >= 0, at least 2^-1000: e^(-z^2/2) F / (1 + 2 u), u = z / sqrt 2, where F = (1 + 2 u)
// e^(u^2) erfc(u) / 2 is smooth in t = (u - 3.75) / (u + 3.75) in [-1, 1]: a polynomial of degree 22, the truncated Chebyshev
// series, 4e-17 off (fitted by Scripts/fit-kernels.py).
AI void NAME(tails_)(const vd *z, int count, vd *out) {
  const double terms[] = {
      -0x1.0cb63a80de2c5p-30, 0x1.12b326b5668bfp-26, 0x1.42d2ea1df7aecp-27, -0x1.0ae6bf9452a1fp-23, -0x1.b4c0937b25a0bp-26, 0x1.d39c1a3875509p-21,
      -0x1.06de6954a39b5p-21, -0x1.7fcc159f9a760p-18, 0x1.7799dcd2368cbp-17, 0x1.b13e13fe20445p-16, -0x1.303ffbfe45e88p-13, 0x1.33fb5a5e7ca14p-13,
      0x1.cc3a13daa5d95p-11, -0x1.3f603c7e65d24p-8, 0x1.d0b0037036098p-7, -0x1.e0d0fa6c16f3fp-6, 0x1.7a14188ae18fap-5, -0x1.bda9309a35871p-5,
      0x1.510169d093c18p-5, 0x1.d5f294816277ep-10, -0x1.1f367683f8967p-4, 0x1.3ccda0b5d5dc2p-1};
  vd u[MOST], t[MOST], p[MOST], x[MOST], e[MOST];
  for (int i = 0; i < count; i++) {
    u[i] = z[i] * SQRT_HALF;
    u[i] = u[i] < 26.0 ? u[i] : (vd){0} + 26.0;
    t[i] = (u[i] - 3.75) / (u[i] + 3.75);
    p[i] = (vd){0} - 0x1.6884628ace07ap-30;
  }
  for (int j = 0; j < 22; j++)
    for (int i = 0; i < count; i++) p[i] = p[i] * t[i] + terms[j];
  for (int i = 0; i < count; i++) x[i] = u[i] * u[i] * -1.0;
  NAME(exps_)(x, count, e);
  for (int i = 0; i < count; i++) {
    p[i] = e[i] * p[i] / (1.0 + u[i] * 2.0);
    p[i] = p[i] < 0x1p-1000 ? (vd){0} + 0x1p-1000 : p[i];
    out[i] = z[i] < 37.0 ? p[i] : (vd){0} + 0x1p-1000;
  }
}

AI void NAME(tail_)(const vd *z, vd *out) { NAME(tails_)(z, 1, out); }

// The tail on z's own side of 0, with z's sign: Pr[Z > z] for z > 0, -Pr[Z < z] for z <= 0. The mass of (a, b) is then
// side(a) - side(b), and 1 more where 0 is in between: no difference of numbers near 1.
AI void NAME(side_)(const vd *z, vd *out) {
  vd size = *z < 0 ? -*z : *z, p;
  NAME(tail_)(&size, &p);
  *out = *z > 0 ? p : -p;
}
