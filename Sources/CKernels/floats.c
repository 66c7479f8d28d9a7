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

// Adds terms to their sums in units of the grid. Between 2^52 and 2^53 units the doubles are the whole units, one bit of the last place
// each: so the bits of x + origin, where the origin is 1.5 * 2^52 units, say how many units x is from there, rounded to even. `beyond` gets
// bits where a term is larger than the limit, and counts as that.
AI void NAME(add_units)(const vd *terms, const ck_grid *grid, int64_t *coarse, int64_t *fine, size_t i, vi *beyond) {
  vd x = *terms, top = grid->limit, origin = grid->origin;
  vi above = x > top, below = x < -top;
  *beyond |= above | below;
  x = above ? top : x;
  x = below ? -top : x;
  vi sum;
  vd place = x + origin;
  __builtin_memcpy(&sum, coarse + i, sizeof sum);
  sum += (vi)place - (vi)origin;
  __builtin_memcpy(coarse + i, &sum, sizeof sum);
  if (fine == NULL) return;
  // What the coarse units leave is exact, and counted in fine ones.
  vd fine_origin = grid->fine_origin;
  place = (x - (place - origin)) + fine_origin;
  __builtin_memcpy(&sum, fine + i, sizeof sum);
  sum += (vi)place - (vi)fine_origin;
  __builtin_memcpy(fine + i, &sum, sizeof sum);
}

// The last terms, fewer than a vector has.
AI void NAME(add_last_units)(
    const vd *x, const ck_grid *grid, int64_t *coarse, int64_t *fine, size_t count, vi *beyond) {
  int64_t last[2][W] = {{0}};
  NAME(add_units)(x, grid, last[0], fine == NULL ? NULL : last[1], 0, beyond);
  for (size_t i = 0; i < count; i++) {
    coarse[i] += last[0][i];
    if (fine != NULL) fine[i] += last[1][i];
  }
}

AI int NAME(any)(const vi *lanes) {
  int64_t any = 0;
  for (int j = 0; j < W; j++) any |= (*lanes)[j];
  return any != 0;
}

int NAME(accumulate)(const double *x, const ck_grid *grid, int64_t *coarse, int64_t *fine, size_t count) {
  vi beyond = 0;
  size_t i = 0;
  for (; i + W <= count; i += W) {
    vd v;
    __builtin_memcpy(&v, x + i, sizeof v);
    NAME(add_units)(&v, grid, coarse, fine, i, &beyond);
  }
  if (i < count) {
    vd v = 0;
    for (size_t j = i; j < count; j++) v[j - i] = x[j];
    NAME(add_last_units)(&v, grid, coarse + i, fine == NULL ? NULL : fine + i, count - i, &beyond);
  }
  return NAME(any)(&beyond);
}

int NAME(accumulate_floats)(const void *x, const ck_grid *grid, int64_t *coarse, int64_t *fine, size_t count) {
  const char *bytes = x;
  vi beyond = 0;
  size_t i = 0;
  for (; i + W <= count; i += W) {
    vf8 v;
    __builtin_memcpy(&v, bytes + 4 * i, sizeof v);
    vd d = __builtin_convertvector(v, vd);
    NAME(add_units)(&d, grid, coarse, fine, i, &beyond);
  }
  if (i < count) {
    vf8 v = 0;
    for (size_t j = i; j < count; j++) {
      float f;
      __builtin_memcpy(&f, bytes + 4 * j, sizeof f);
      v[j - i] = f;
    }
    vd d = __builtin_convertvector(v, vd);
    NAME(add_last_units)(&d, grid, coarse + i, fine == NULL ? NULL : fine + i, count - i, &beyond);
  }
  return NAME(any)(&beyond);
}

#endif
