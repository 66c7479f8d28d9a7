// Preloaded by Scripts/check-decoder-mathematics.sh: the platform's elementary functions end the program, so that a decoder that
// calls one is found. Their last bits differ between platforms and versions; + - * / sqrt do not.
#include <stdio.h>
#include <stdlib.h>

#define ONE(name) \
  double name(double x) { (void)x; fprintf(stderr, "a decoder called %s of the platform\n", #name); abort(); }
#define TWO(name) \
  double name(double x, double y) { (void)x, (void)y; fprintf(stderr, "a decoder called %s of the platform\n", #name); abort(); }

ONE(exp) ONE(exp2) ONE(exp10) ONE(expm1) ONE(log) ONE(log2) ONE(log10) ONE(log1p) ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos)
ONE(atan) ONE(sinh) ONE(cosh) ONE(tanh) ONE(asinh) ONE(acosh) ONE(atanh) ONE(erf) ONE(erfc) ONE(lgamma) ONE(tgamma) ONE(cbrt)
TWO(pow) TWO(atan2) TWO(hypot)
double lgamma_r(double x, int *s) { (void)x, (void)s; fprintf(stderr, "a decoder called lgamma_r of the platform\n"); abort(); }
void sincos(double x, double *s, double *c) { (void)x, (void)s, (void)c; fprintf(stderr, "a decoder called sincos of the platform\n"); abort(); }
