// Prints a hash of what every kernel computes from fixed words, a line an instruction set: Scripts/check-arm64.sh compares
// machines with it.
#include <stdio.h>
#include <stdlib.h>

#include "CKernels.h"

static uint64_t hash;

static void add(const void *bytes, size_t count) {
  const unsigned char *p = bytes;
  for (size_t i = 0; i < count; i++) hash = (hash ^ p[i]) * 1099511628211ull;
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
    for (size_t i = 0; i < 200000; i++) {
      double values[2] = {ck_exp((double)(int64_t)words[i] * 7e-17), ck_log((double)(words[i] >> 11) + 1)};
      add(values, sizeof values);
    }
    printf("%-10s %016llx\n", ops->name, (unsigned long long)hash);
  }
  return 0;
}
