// Logarithm and exponential of one number: twins of what the kernels compute, for tables and for samplers that reject.
#include "vectors.h"

#define SUFFIX scalar
#include "elementary.h"

double ck_log(double x) {
  if (!(x >= 0x1p-1022 && x <= 0x1.fffffffffffffp+1023)) {
    if (x == 0) return -__builtin_inf();
    if (x > 0 && x < 1) return ck_log(x * 0x1p+54) - 54 * LN_2;
    return x > 0 ? x : __builtin_nan("");
  }
  vd v = {x, 1, 1, 1, 1, 1, 1, 1};
  NAME(log_)(&v, &v);
  return v[0];
}

// exp x = 2^k e^r, |r| <= ln2 / 2, Taylor to r^14 / 14! (next term 2e-18). Below -708 the result is 0.
double ck_exp(double x) {
  if (x != x) return x;
  if (x < -708.0) return 0;
  if (x > 709.0) return __builtin_inf();
  double scaled = x * ONE_OVER_LN_2;
  int64_t k = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  double r = (x - (double)k * LN_2_HIGH) - (double)k * LN_2_LOW;
  double p = 1;
  for (int n = 14; n > 0; n--) p = p * r / n + 1;
  uint64_t bits = (uint64_t)(k + 1023) << 52;
  double power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return p * power;
}
