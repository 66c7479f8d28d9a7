// Exponentials, logarithms, normal tails and moments of whole rows: what the privacy loss accountant is made of.
// The file is compiled once for each instruction set.
#define TOPIC "accounting.c"
#include "each_instruction_set.h"
#ifdef SUFFIX
#include "elementary.h"
#include "normal_tail.h"

void NAME(exps)(const double *x, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd v, e;
    __builtin_memcpy(&v, x + W * i, sizeof v);
    v = v < -700.0 ? (vd){0} - 700.0 : v;
    v = v > 700.0 ? (vd){0} + 700.0 : v;
    NAME(exp_)(&v, &e);
    __builtin_memcpy(out + W * i, &e, sizeof e);
  }
}

// ln u + (x - (u - 1)) / u with u the rounded 1 + x: what rounding lost comes back.
void NAME(log1ps)(const double *x, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd v, l;
    __builtin_memcpy(&v, x + W * i, sizeof v);
    vd u = v + 1.0;
    u = u < 0x1p-1000 ? (vd){0} + 0x1p-1000 : u;
    NAME(log_)(&u, &l);
    l += (v - (u - 1.0)) / u;
    l = v + 1.0 < 0x1p-1000 ? (vd){0} - __builtin_inf() : l;
    __builtin_memcpy(out + W * i, &l, sizeof l);
  }
}

void NAME(signed_tails)(const double *z, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd v, p;
    __builtin_memcpy(&v, z + W * i, sizeof v);
    NAME(side_)(&v, &p);
    __builtin_memcpy(out + W * i, &p, sizeof p);
  }
}

void NAME(moments)(
    const double *log_mass, const double *loss, double theta, size_t count, double *top, double *sum, double *first) {
  vd high = (vd){0} - __builtin_inf(), total = {0}, slope = {0};
  for (int pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < count; i += W) {
      // The last group is filled up with nothing.
      vd m = (vd){0} - __builtin_inf(), l = {0};
      if (count - i >= W) {
        __builtin_memcpy(&m, log_mass + i, sizeof m);
        __builtin_memcpy(&l, loss + i, sizeof l);
      } else {
        __builtin_memcpy(&m, log_mass + i, (count - i) * sizeof(double));
        __builtin_memcpy(&l, loss + i, (count - i) * sizeof(double));
      }
      vd x = m + l * theta;
      if (pass == 0) {
        high = x > high ? x : high;
        continue;
      }
      x -= *top;
      x = x < -700.0 ? (vd){0} - 700.0 : x;
      vd e;
      NAME(exp_)(&x, &e);
      total += e;
      slope += e * l;
    }
    if (pass == 0) {
      *top = high[0];
      for (int j = 1; j < W; j++) *top = high[j] > *top ? high[j] : *top;
    }
  }
  *sum = 0;
  *first = 0;
  for (int j = 0; j < W; j++) {
    *sum += total[j];
    *first += slope[j];
  }
}

void NAME(rotations)(
    double *restrict real, double *restrict imaginary, const double *restrict cosines, const double *restrict sines, size_t groups,
    double *sums) {
  vd total = {0}, other = {0};
  for (size_t i = 0; i < groups; i++) {
    vd x, y, c, s;
    __builtin_memcpy(&x, real + W * i, sizeof x);
    __builtin_memcpy(&y, imaginary + W * i, sizeof y);
    __builtin_memcpy(&c, cosines + W * i, sizeof c);
    __builtin_memcpy(&s, sines + W * i, sizeof s);
    vd u = x * c - y * s, v = x * s + y * c;
    __builtin_memcpy(real + W * i, &u, sizeof u);
    __builtin_memcpy(imaginary + W * i, &v, sizeof v);
    total += u;
    other += v;
  }
  sums[0] = 0;
  sums[1] = 0;
  for (int j = 0; j < W; j++) {
    sums[0] += total[j];
    sums[1] += other[j];
  }
}

#endif
