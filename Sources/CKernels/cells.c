// Cells of magnitudes: the masses of a normal in them, the bits that halve them, and places in them.
// The file is compiled once for each instruction set.
#define TOPIC "cells.c"
#include "each_instruction_set.h"
#ifdef SUFFIX
#include "elementary.h"
#include "normal_tail.h"

AI void NAME(side_mass_)(const vd *far_low, const vd *near_low, const vd *far_high, const vd *near_high, vd *far, vd *near) {
  vd f = *far_low - *far_high, n = *near_low - *near_high;
  n += (*near_low < 0 && *near_high > 0) ? (vd){0} + 1.0 : (vd){0};
  *far = f < 0 ? (vd){0} : f;
  *near = n < 0 ? (vd){0} : n;
}

// ends[cell], eight of them.
AI void NAME(ends_)(const double *cells, const double *ends, vd *out) {
  for (int j = 0; j < W; j++) (*out)[j] = ends[(size_t)cells[j]];
}

// 1 bits where a word is odd.
AI void NAME(odd_)(const uint64_t *words, vi *out) {
  vu w;
  __builtin_memcpy(&w, words, sizeof w);
  *out = (w & 1) != 0;
}

void NAME(sides)(const double *x, const double *cells, const double *ends, double *far, double *near, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd m, e, z[2], p[2];
    __builtin_memcpy(&m, x + W * i, sizeof m);
    NAME(ends_)(cells + W * i, ends, &e);
    z[0] = e + m;
    vd above = e - m;
    z[1] = above < 0 ? -above : above;
    NAME(tails_)(z, 2, p);
    p[1] = above > 0 ? p[1] : -p[1];
    __builtin_memcpy(far + W * i, p, sizeof m);
    __builtin_memcpy(near + W * i, p + 1, sizeof m);
  }
}

void NAME(half_biases)(
    const double *const *tails, const double *x, const double *cells, const double *middles, const uint64_t *flips,
    double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd v[6], far, near, lower, upper, m, e;
    for (int j = 0; j < 6; j++) __builtin_memcpy(&v[j], tails[j] + W * i, sizeof v[j]);
    NAME(side_mass_)(&v[0], &v[1], &v[2], &v[3], &far, &near);
    lower = far + near;
    NAME(side_mass_)(&v[2], &v[3], &v[4], &v[5], &far, &near);
    upper = far + near;
    __builtin_memcpy(&m, x + W * i, sizeof m);
    NAME(ends_)(cells + W * i, middles, &e);
    vd sum = lower + upper;
    // Both vanish only far from x: the nearer half has all of it.
    vd none = m > e ? (vd){0} + 1.0 : (vd){0} - 1.0;
    vd t = sum > 0 ? (upper - lower) / (sum > 0 ? sum : (vd){0} + 1.0) : none;
    vi is_odd;
    NAME(odd_)(flips + W * i, &is_odd);
    t = is_odd ? -t : t;
    __builtin_memcpy(out + W * i, &t, sizeof t);
  }
}

void NAME(take_halves)(
    const double *signs, const uint64_t *flips, double *cells, double *const *tails, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd b, c, v[6];
    vi is_upper;
    __builtin_memcpy(&b, signs + W * i, sizeof b);
    NAME(odd_)(flips + W * i, &is_upper);
    is_upper ^= b > 0;
    for (int j = 0; j < 6; j++) __builtin_memcpy(&v[j], tails[j] + W * i, sizeof v[j]);
    for (int j = 0; j < 2; j++) {
      v[j] = is_upper ? v[2 + j] : v[j];
      v[4 + j] = is_upper ? v[4 + j] : v[2 + j];
      __builtin_memcpy(tails[j] + W * i, v + j, sizeof b);
      __builtin_memcpy(tails[4 + j] + W * i, v + 4 + j, sizeof b);
    }
    __builtin_memcpy(&c, cells + W * i, sizeof c);
    c = c * 2.0 + (is_upper ? (vd){0} + 1.0 : (vd){0});
    __builtin_memcpy(cells + W * i, &c, sizeof c);
  }
}

void NAME(read_halves)(const uint64_t *signs, const uint64_t *flips, double *cells, size_t groups) {
  const vu place = {1, 2, 4, 8, 16, 32, 64, 128};
  for (size_t i = 0; i < groups; i++) {
    vu bits = (vu){0} + (signs[i / 8] >> (8 * (i % 8)) & 255);
    vi is_upper;
    vd c;
    NAME(odd_)(flips + W * i, &is_upper);
    // A sign's bit is 1 for minus.
    is_upper = ~(is_upper ^ ((bits & place) != 0));
    __builtin_memcpy(&c, cells + W * i, sizeof c);
    c = c * 2.0 + (is_upper ? (vd){0} + 1.0 : (vd){0});
    __builtin_memcpy(cells + W * i, &c, sizeof c);
  }
}

// A place in its cell for each coordinate: |y|, y ~ N(x, 1) given low < |y| < high. `choice` says on which side of 0 and of x it
// is; there, `place` is its share of the tail from the cell's outer end on. Every tail is a sum of numbers that are not
// negative, so it has their relative accuracy however small it is.
void NAME(cell_places)(
    const double *const *tails, const double *x, const double *cells, const double *ends, double count, double inverse,
    const double *choice, const double *place, double *shares, double *log_mass, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd v[4], far, near, m, a, b, c, r, p, z, y;
    for (int j = 0; j < 4; j++) __builtin_memcpy(&v[j], tails[j] + W * i, sizeof v[j]);
    __builtin_memcpy(&m, x + W * i, sizeof m);
    NAME(ends_)(cells + W * i, ends, &a);
    NAME(ends_)(cells + W * i, ends + 1, &b);
    __builtin_memcpy(&c, choice + W * i, sizeof c);
    __builtin_memcpy(&r, place + W * i, sizeof r);
    NAME(side_mass_)(&v[0], &v[1], &v[2], &v[3], &far, &near);
    vd mass = far + near;
    vd chosen = c * mass;
    vi is_far = chosen < far;
    // Where x is in the cell, the part of it below x.
    vi straddles = v[1] < 0 && v[3] > 0;
    vi is_below = v[3] < 0 || (straddles && chosen < far + (0.5 + v[1]));
    // Far: z = |y| + x above 0. Near: z = |y - x|, from the end that is further out.
    vd inner = straddles ? (vd){0} + 0.5 : is_below ? -v[3] : v[1];
    vd outer = is_below ? -v[1] : v[3];
    outer = is_far ? v[2] : outer;
    inner = is_far ? v[0] : inner;
    p = outer + r * (inner - outer);
    NAME(upper_quantile_)(&p, &z);
    z = (is_below && !is_far) ? -z : z;
    y = is_far ? z - m : z + m;
    // Rounding, and the quantile's: never out of the cell.
    y = y < a ? a : y;
    y = y > b ? b : y;
    y = y * inverse;
    NAME(tail_)(&y, &p);
    vd cell, l;
    __builtin_memcpy(&cell, cells + W * i, sizeof cell);
    y = (count * 2.0) * p - ((count - 1.0) - cell);
    y = y < 0x1p-1000 ? (vd){0} + 0x1p-1000 : y;
    y = y > 1.0 ? (vd){0} + 1.0 : y;
    __builtin_memcpy(shares + W * i, &y, sizeof y);
    mass = mass * count;
    mass = mass < 0x1p-1000 ? (vd){0} + 0x1p-1000 : mass;
    NAME(log_)(&mass, &l);
    __builtin_memcpy(log_mass + W * i, &l, sizeof l);
  }
}

#endif
