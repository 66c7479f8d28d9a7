// Prints a hash of what every kernel computes from fixed words, a line an instruction set: Scripts/check-arm64.sh compares
// machines with it.
#include <stdio.h>
#include <stdlib.h>

#include "CKernels.h"

// What is hashed is made here: a multiplication and an addition must not become one operation where a machine has it.
#pragma STDC FP_CONTRACT OFF

static uint64_t hash;

static void add(const void *bytes, size_t count) {
  const unsigned char *p = bytes;
  for (size_t i = 0; i < count; i++) hash = (hash ^ p[i]) * 1099511628211ull;
}

/// Float32 numbers at an odd address.
static void hash_floats(const ck_ops *ops, const uint64_t *words, double *a, double *b, float *x, size_t n) {
  char *odd = (char *)x + 1;
  for (size_t i = 0; i < n; i++) a[i] = (double)(int64_t)words[i] * 1e-19;
  ops->narrow(a, odd, n - 5);
  add(odd, 4 * (n - 5));
  ops->widen(odd, 0.75, b, n - 5);
  add(b, 8 * (n - 5));
  // Units of 2^-50 and 2^-101: terms are below 1.
  const ck_grid grid = {1, 0x1.8p2, 0x1.8p-49};
  int64_t *coarse = (int64_t *)b, *fine = coarse + n / 2;
  for (size_t i = 0; i < n; i++) coarse[i] = 0;
  int large[2] = {ops->accumulate(a, &grid, coarse, fine, n / 2), ops->accumulate_floats(odd, &grid, coarse, fine, n / 2)};
  add(b, 8 * n);
  add(large, sizeof large);
  int finite[2] = {ops->all_finite(odd, n - 5), ops->all_finite(words, 2 * n)};
  add(finite, sizeof finite);
  ops->narrow(a, x, n);
  double sum = ops->square_sum_floats(x, n - 3);
  add(&sum, sizeof sum);
}

/// What signs and their candidates are made of.
static void hash_signs(const ck_ops *ops, const uint64_t *words, double *a, double *b, size_t n) {
  const size_t m = 1 << 16;
  double *mu = b + n / 2, *out = b + n / 2 + m;
  uint8_t *flags = (uint8_t *)(b + n / 2 + 2 * m);
  ops->normals(words, a, m / 16);
  ops->uniforms(words + m, mu, m / 8);
  ops->magnitude_scores(a, mu, 333, 100, 0.01, -0.5, out);
  ops->magnitude_scores(a, a + m / 2, 1000, 20, 0.5, 0.25, out + 100);
  add(out, 8 * 120);
  ops->biases(a, mu, b, m / 8);
  add(b, 8 * m);
  ops->thresholds(words, out, m / 8);
  add(out, 8 * m);
  for (size_t size = 1; size <= m; size *= 2) {
    ops->polarize(b, size, words + m, flags, out, a);
    add(flags, size);
    add(out, 8 * size);
  }
  ops->polar_products(b, m / 2 - 3, a);
  ops->polar_sums(b, out, m / 2 - 3, a + m / 2);
  add(a, 8 * (m / 2 - 3));
  add(a + m / 2, 8 * (m / 2 - 3));
  ops->sign_ratios(b, out, m / 16);
  add(out, 8 * m);
  ops->sign_scores(out, 15, words, 3, 1000, a);
  add(a, 8 * 1000);
  ops->sign_scores(out, m / 16, words, m / 64, 100, a);
  add(a, 8 * 100);
}

/// Magnitudes and their cells.
static void hash_cells(const ck_ops *ops, const uint64_t *words, double *a, size_t n) {
  const size_t m = n / 32;
  double *x = a, *cells = a + 3 * m, *choice = a + 4 * m, *place = a + 5 * m;
  double *far = a + 6 * m, *near = a + 9 * m, *shares = a + 12 * m, *logs = a + 13 * m;
  ops->normals(words, x, m / 16);
  ops->uniforms(words + m, choice, m / 8);
  ops->uniforms(words + 2 * m, place, m / 8);
  // The last cell has no end.
  double ends[17], middles[16];
  for (size_t i = 0; i < 16; i++) {
    ends[i] = (double)i * 0.125;
    middles[i] = ends[i] + 0.0625;
  }
  ends[16] = 40;
  for (size_t i = 0; i < m; i++) {
    cells[i] = (double)(words[i] & 15);
    choice[i] += 0x1p-60;
    place[i] += 0x1p-60;
    shares[i] = place[i];
  }
  ops->magnitudes(shares, cells, 16, logs, m / 8);
  add(logs, 8 * m);
  ops->cell_scores(shares, cells, 16, x, 333, 90, 0.01, -0.5, logs);
  add(logs, 8 * 90);
  ops->sides(x, cells, ends, far, near, m / 8);
  ops->sides(x, cells, middles, far + m, near + m, m / 8);
  ops->sides(x, cells, ends + 1, far + 2 * m, near + 2 * m, m / 8);
  add(far, 8 * 3 * m);
  add(near, 8 * 3 * m);
  const double *halves[6] = {far, near, far + m, near + m, far + 2 * m, near + 2 * m};
  ops->half_biases(halves, x, cells, middles, words, shares, m / 8);
  add(shares, 8 * m);
  const double *tails[4] = {far, near, far + 2 * m, near + 2 * m};
  ops->cell_places(tails, x, cells, ends, 16, 0.9, choice, place, shares, logs, m / 8);
  add(shares, 8 * m);
  add(logs, 8 * m);
}

/// Whole rows of elementary functions, moments, and a Fourier transform.
static void hash_accounting(const ck_ops *ops, const uint64_t *words, double *a, size_t n) {
  const size_t m = n / 16;
  double *b = a + m, *c = a + 2 * m, *d = a + 3 * m, *cosines = a + 4 * m, *sines = a + 5 * m;
  for (size_t i = 0; i < m; i++) a[i] = (double)(int64_t)words[i] * 1e-16;
  ops->exps(a, b, m / 8);
  ops->signed_tails(a, c, m / 8);
  add(b, 8 * m);
  add(c, 8 * m);
  for (size_t i = 0; i < m; i++) a[i] = (double)(int64_t)words[i] * 2e-19 - 0.5;
  ops->log1ps(a, b, m / 8);
  add(b, 8 * m);
  double moments[3];
  ops->moments(a, c, 1.5, m - 3, moments, moments + 1, moments + 2);
  add(moments, sizeof moments);
  ops->rotations(a, b, c, c, m / 8, moments);
  add(moments, 2 * sizeof *moments);
  add(a, 8 * m);
  ops->uniforms(words, cosines, m / 8);
  ops->uniforms(words + m, sines, m / 8);
  for (size_t size = 1; size <= m; size *= 2) {
    for (size_t i = 0; i < size; i++) {
      a[i] = (double)(int64_t)words[i] * 1e-19;
      b[i] = (double)(int64_t)words[i + m] * 1e-19;
    }
    ops->fft(a, b, c, d, size, cosines, sines);
    add(a, 8 * size);
    add(b, 8 * size);
  }
}

int main(void) {
  const size_t n = 1 << 20;
  uint64_t *words = malloc(8 * n);
  double *a = malloc(8 * n), *b = malloc(8 * n);
  float *x = malloc(4 * n), *y = malloc(4 * n);
  uint64_t state = 1;
  for (size_t i = 0; i < n; i++) {  // SplitMix64
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    words[i] = z ^ (z >> 31);
  }
  words[0] = 0;
  words[1] = ~0ull;
  for (int isa = CK_ISA_BASELINE; isa <= CK_ISA_V4; isa++) {
    const ck_ops *ops = ck_get((ck_isa)isa);
    if (!ops) continue;
    hash = 14695981039346656037ull;
    ops->uniforms(words, a, n / 8);
    add(a, 8 * n);
    ops->exponentials(words, a, n / 8);
    add(a, 8 * n);
    ops->normals(words, a, n / 16);
    add(a, 8 * n);
    ops->layers(words, a, b, n / 32);
    add(a, 2 * n);
    add(b, 2 * n);
    ops->shifts(words, a, b, n / 32);
    add(a, 2 * n);
    add(b, 2 * n);
    const uint32_t key[8] = {1, 2, 3, 4, 5, 6, 7, 0xffffffff};
    ops->keyed_normals(key, 0x123456789abcdef0ull, 1ull << 35, a, n / 128);
    add(a, 8 * n);
    ops->scores(a, a + 5, 333, 1000, 0.01, -0.5, b);
    add(b, 8 * 1000);
    for (size_t i = 0; i < n; i++) a[i] = (double)(int64_t)words[i] * 1e-19;
    ops->hadamard(a, n);
    add(a, 8 * n);
    for (size_t i = 0; i < n; i++) {
      x[i] = (float)a[i];
      y[i] = (float)(int32_t)words[i] * 1e-9f;
    }
    ops->gemm(x, 100, 1, y, 48, y + n / 2, 64, 29, 48, 100);
    ops->gemm(x, 1, 48, y, 48, y + n / 2, 64, 48, 48, 29);
    add(y, 4 * n);
    double sum = ops->square_sum(a, n - 3);
    add(&sum, sizeof sum);
    hash_floats(ops, words, a, b, x, n);
    hash_signs(ops, words, a, b, n);
    hash_cells(ops, words, a, n);
    hash_accounting(ops, words, a, n);
    for (size_t i = 0; i < 200000; i++) {
      double values[2] = {ck_exp((double)(int64_t)words[i] * 7e-17), ck_log((double)(words[i] >> 11) + 1)};
      add(values, sizeof values);
    }
    printf("%-10s %016llx\n", ops->name, (unsigned long long)hash);
  }
  return 0;
}
