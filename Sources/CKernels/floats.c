// Sums of updates, and float32 numbers at any address.
// The file is compiled once for each instruction set.
#define TOPIC "floats.c"
#include "each_instruction_set.h"
#ifdef SUFFIX

double NAME(square_sum)(const double *x, size_t count) {
  vd sum[4] = {{0}, {0}, {0}, {0}};
  size_t i = 0;
  for (; i + 4 * W <= count; i += 4 * W)
    for (int j = 0; j < 4; j++) {
      vd v;
      __builtin_memcpy(&v, x + i + j * W, sizeof v);
      sum[j] += v * v;
    }
  double tail = 0;
  for (; i < count; i++) tail += x[i] * x[i];
  vd all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (int lane = W / 2; lane > 0; lane /= 2)
    for (int j = 0; j < lane; j++) all[j] += all[j + lane];
  return all[0] + tail;
}

// As `square_sum` of the same values in double.
double NAME(square_sum_floats)(const float *x, size_t count) {
  vd sum[4] = {{0}, {0}, {0}, {0}};
  size_t i = 0;
  for (; i + 4 * W <= count; i += 4 * W)
    for (int j = 0; j < 4; j++) {
      vf8 v;
      __builtin_memcpy(&v, x + i + j * W, sizeof v);
      vd d = __builtin_convertvector(v, vd);
      sum[j] += d * d;
    }
  double tail = 0;
  for (; i < count; i++) tail += (double)x[i] * (double)x[i];
  vd all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (int lane = W / 2; lane > 0; lane /= 2)
    for (int j = 0; j < lane; j++) all[j] += all[j + lane];
  return all[0] + tail;
}

void NAME(widen)(const void *x, double scale, double *out, size_t count) {
  const char *bytes = x;
  size_t i = 0;
  for (; i + W <= count; i += W) {
    vf8 v;
    __builtin_memcpy(&v, bytes + 4 * i, sizeof v);
    vd d = __builtin_convertvector(v, vd) * scale;
    __builtin_memcpy(out + i, &d, sizeof d);
  }
  for (; i < count; i++) {
    float v;
    __builtin_memcpy(&v, bytes + 4 * i, sizeof v);
    out[i] = (double)v * scale;
  }
}

void NAME(narrow)(const double *x, void *out, size_t count) {
  char *bytes = out;
  size_t i = 0;
  for (; i + W <= count; i += W) {
    vd d;
    __builtin_memcpy(&d, x + i, sizeof d);
    vf8 v = __builtin_convertvector(d, vf8);
    __builtin_memcpy(bytes + 4 * i, &v, sizeof v);
  }
  for (; i < count; i++) {
    float v = (float)x[i];
    __builtin_memcpy(bytes + 4 * i, &v, sizeof v);
  }
}

void NAME(accumulate)(const double *x, double *sum, size_t count) {
  for (size_t i = 0; i < count; i++) sum[i] += x[i];
}

int NAME(all_finite)(const void *x, size_t count) {
  const char *bytes = x;
  vi32 large = {0};
  size_t i = 0;
  for (; i + W <= count; i += W) {
    vi32 bits;
    __builtin_memcpy(&bits, bytes + 4 * i, sizeof bits);
    large |= (bits & 0x7f800000) == 0x7f800000;
  }
  int any = 0;
  for (int j = 0; j < W; j++) any |= large[j];
  for (; i < count; i++) {
    float v;
    __builtin_memcpy(&v, bytes + 4 * i, sizeof v);
    any |= !__builtin_isfinite(v);
  }
  return any == 0;
}

void NAME(accumulate_floats)(const void *x, double *sum, size_t count) {
  const char *bytes = x;
  size_t i = 0;
  for (; i + W <= count; i += W) {
    vf8 v;
    vd s;
    __builtin_memcpy(&v, bytes + 4 * i, sizeof v);
    __builtin_memcpy(&s, sum + i, sizeof s);
    s += __builtin_convertvector(v, vd);
    __builtin_memcpy(sum + i, &s, sizeof s);
  }
  for (; i < count; i++) {
    float v;
    __builtin_memcpy(&v, bytes + 4 * i, sizeof v);
    sum[i] += (double)v;
  }
}

#endif
