// Matrix products in float32.
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

#endif
