// Matrix products in float32, and what lies between two of them.
// The file is compiled once for each instruction set.
#define TOPIC "training.c"
#include "each_instruction_set.h"
#ifdef SUFFIX

// One tile of `gemm`: R rows of V vectors, whose sums stay in registers.
AI void NAME(tile_)(
    const int R, const int V, const float *a, size_t a_row, size_t a_step, const float *b, size_t b_step, float *c, size_t c_row,
    size_t steps) {
  vf sum[TILE][WIDE];
#pragma clang loop unroll(full)
  for (int r = 0; r < R; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) __builtin_memcpy(&sum[r][v], c + r * c_row + v * F, sizeof(vf));
  for (size_t k = 0; k < steps; k++, a += a_step, b += b_step) {
    vf right[WIDE];
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) __builtin_memcpy(&right[v], b + v * F, sizeof(vf));
#pragma clang loop unroll(full)
    for (int r = 0; r < R; r++) {
      vf left = a[r * a_row];
#pragma clang loop unroll(full)
      for (int v = 0; v < V; v++) sum[r][v] = __builtin_elementwise_fma(left, right[v], sum[r][v]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < R; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) __builtin_memcpy(c + r * c_row + v * F, &sum[r][v], sizeof(vf));
}

AI void NAME(rows_)(
    const int R, const int V, const float *a, size_t a_row, size_t a_step, const float *b, size_t b_step, float *c, size_t c_row,
    size_t columns, size_t steps) {
  size_t j = 0;
  for (; j + V * F <= columns; j += V * F) NAME(tile_)(R, V, a, a_row, a_step, b + j, b_step, c + j, c_row, steps);
  for (; j < columns; j += F) NAME(tile_)(R, 1, a, a_row, a_step, b + j, b_step, c + j, c_row, steps);
}

void NAME(gemm)(
    const float *a, size_t a_row, size_t a_step, const float *b, size_t b_step, float *c, size_t c_row, size_t rows, size_t columns,
    size_t steps) {
  // Tiles of nearly equal height; their shapes change no bit, as every sum is taken over its steps in order.
  for (size_t tiles = (rows + TILE - 1) / TILE; tiles > 0; tiles--) {
    size_t height = (rows + tiles - 1) / tiles;
    switch (height) {
#define ROWS(R, V) \
  case R: NAME(rows_)(R, V, a, a_row, a_step, b, b_step, c, c_row, columns, steps); break;
      ROWS(1, WIDE)
      ROWS(2, WIDE / 2)
#if TILE >= 6
      ROWS(3, WIDE / 4)
      ROWS(4, WIDE / 4)
      ROWS(5, WIDE / 4)
      ROWS(6, WIDE / 4)
#endif
#if TILE >= 12
      ROWS(7, 2)
      ROWS(8, 2)
      ROWS(9, 2)
      ROWS(10, 2)
      ROWS(11, 2)
      ROWS(12, 2)
#endif
#undef ROWS
    }
    a += height * a_row;
    c += height * c_row;
    rows -= height;
  }
}

// Eight rows of eight, turned into eight columns.
AI void NAME(turn_)(vf8 *m) {
#define LOW 0, 8, 1, 9, 4, 12, 5, 13
#define HIGH 2, 10, 3, 11, 6, 14, 7, 15
  vf8 t[8], u[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    t[2 * i] = __builtin_shufflevector(m[2 * i], m[2 * i + 1], LOW);
    t[2 * i + 1] = __builtin_shufflevector(m[2 * i], m[2 * i + 1], HIGH);
  }
#undef LOW
#undef HIGH
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i += 4)
#pragma clang loop unroll(full)
    for (int j = 0; j < 2; j++) {
      u[i + 2 * j] = __builtin_shufflevector(t[i + j], t[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      u[i + 2 * j + 1] = __builtin_shufflevector(t[i + j], t[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    m[i] = __builtin_shufflevector(u[i], u[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    m[i + 4] = __builtin_shufflevector(u[i], u[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

void NAME(rectify_columns)(
    const float *columns, size_t stride, const float *activations, float *out, size_t row, size_t width, size_t count) {
  size_t i = 0;
  for (; i + 8 <= width; i += 8)
    for (size_t first = 0; first < count; first += 8) {
      vf8 m[8];
#pragma clang loop unroll(full)
      for (int j = 0; j < 8; j++) __builtin_memcpy(&m[j], columns + (i + j) * stride + first, sizeof(vf8));
      NAME(turn_)(m);
      size_t last = count - first < 8 ? count - first : 8;
      for (size_t j = 0; j < last; j++) {
        vf8 a, zero = 0;
        __builtin_memcpy(&a, activations + (first + j) * row + i, sizeof a);
        vf8 value = a > zero ? m[j] : zero;
        __builtin_memcpy(out + (first + j) * row + i, &value, sizeof value);
      }
    }
  for (; i < width; i++)
    for (size_t j = 0; j < count; j++) out[j * row + i] = activations[j * row + i] > 0 ? columns[i * stride + j] : 0;
}

#endif
