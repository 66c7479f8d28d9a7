// The tails of the standard normal distribution and their inverse, eight at a time. The file is a part of each topic that includes
// it, after elementary.h.

// The normal quantile of 1 - p, p in (0, 1/2] or a little above. [Wichura 1988, algorithm AS 241]: three rational functions, the tails in sqrt(-ln p).
AI void NAME(upper_quantile_)(const vd *tail_mass, vd *out) {
  vd p = *tail_mass;
  vd q = p - 0.5;
  vd r = 0.180625 - q * q;
  vd top = (((((((2.5090809287301226727e3) * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r + 1.3314166789178437745e2) * r + 3.3871328727963666080, bottom = (((((((5.2264952788528545610e3) * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r + 4.2313330701600911252e1) * r + 1.0;
  vd centre = -q * top / bottom;
  vi tail = q < -0.425;
  int64_t any = 0;
  for (int j = 0; j < W; j++) any |= tail[j];
  if (any) {
    vd safe = p < 0x1p-1000 ? (vd){0} + 0x1p-1000 : p, l;
    NAME(log_)(&safe, &l);
    l = -l;
    r = __builtin_elementwise_sqrt(l < 0 ? (vd){0} : l);
    vd far = r - 5.0;
    r = r - 1.6;
    vd middle = ((((((((7.74545014278341407640e-4) * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.76949722146069140550) * r + 4.63033784615654529590) * r + 1.42343711074968357734) / ((((((((1.05075007164441684324e-9) * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940) * r + 2.05319162663775882187) * r + 1.0);
    r = far;
    vd end = ((((((((2.01033439929228813265e-7) * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580) * r + 5.46378491116411436990) * r + 6.65790464350110377720) / ((((((((2.04426310338993978564e-15) * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r + 5.99832206555887937690e-1) * r + 1.0);
    middle = far > 0 ? end : middle;
    centre = tail != 0 ? middle : centre;
  }
  *out = centre;
}

// Pr[Z > z] of a standard normal for z >= 0, at least 2^-1000: e^(-z^2/2) F / (1 + 2 u), u = z / sqrt 2, where F = (1 + 2 u)
// e^(u^2) erfc(u) / 2 is smooth in t = (u - 3.75) / (u + 3.75) in [-1, 1]: a polynomial of degree 22, the truncated Chebyshev
// series, 4e-17 off (fitted by Scripts/fit-kernels.py).
AI void NAME(tail_)(const vd *z, vd *out) {
  vd u = *z * SQRT_HALF;
  u = u < 26.0 ? u : (vd){0} + 26.0;
  vd t = (u - 3.75) / (u + 3.75);
  vd p = (vd){0} - 0x1.6884628ace07ap-30;
  p = p * t - 0x1.0cb63a80de2c5p-30;
  p = p * t + 0x1.12b326b5668bfp-26;
  p = p * t + 0x1.42d2ea1df7aecp-27;
  p = p * t - 0x1.0ae6bf9452a1fp-23;
  p = p * t - 0x1.b4c0937b25a0bp-26;
  p = p * t + 0x1.d39c1a3875509p-21;
  p = p * t - 0x1.06de6954a39b5p-21;
  p = p * t - 0x1.7fcc159f9a760p-18;
  p = p * t + 0x1.7799dcd2368cbp-17;
  p = p * t + 0x1.b13e13fe20445p-16;
  p = p * t - 0x1.303ffbfe45e88p-13;
  p = p * t + 0x1.33fb5a5e7ca14p-13;
  p = p * t + 0x1.cc3a13daa5d95p-11;
  p = p * t - 0x1.3f603c7e65d24p-8;
  p = p * t + 0x1.d0b0037036098p-7;
  p = p * t - 0x1.e0d0fa6c16f3fp-6;
  p = p * t + 0x1.7a14188ae18fap-5;
  p = p * t - 0x1.bda9309a35871p-5;
  p = p * t + 0x1.510169d093c18p-5;
  p = p * t + 0x1.d5f294816277ep-10;
  p = p * t - 0x1.1f367683f8967p-4;
  p = p * t + 0x1.3ccda0b5d5dc2p-1;
  vd x = u * u * -1.0, e;
  NAME(exp_)(&x, &e);
  p = e * p / (1.0 + u * 2.0);
  p = p < 0x1p-1000 ? (vd){0} + 0x1p-1000 : p;
  *out = *z < 37.0 ? p : (vd){0} + 0x1p-1000;
}

// The tail on z's own side of 0, with z's sign: Pr[Z > z] for z > 0, -Pr[Z < z] for z <= 0. The mass of (a, b) is then
// side(a) - side(b), and 1 more where 0 is in between: no difference of numbers near 1.
AI void NAME(side_)(const vd *z, vd *out) {
  vd size = *z < 0 ? -*z : *z, p;
  NAME(tail_)(&size, &p);
  *out = *z > 0 ? p : -p;
}
