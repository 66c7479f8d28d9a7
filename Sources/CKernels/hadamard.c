// The Walsh-Hadamard transform.
// The file is compiled once for each instruction set.
#define TOPIC "hadamard.c"
#include "each_instruction_set.h"
#ifdef SUFFIX

void NAME(hadamard)(double *values, size_t count) {
  // Narrow levels first, in place; radix-4 passes halve the trips through memory.
  size_t half = 1;
  for (; half < W && half < count; half *= 2)
    for (size_t i = 0; i < count; i += 2 * half)
      for (size_t j = i; j < i + half; j++) {
        double a = values[j], b = values[j + half];
        values[j] = a + b;
        values[j + half] = a - b;
      }
  for (; 2 * half < count; half *= 4)
    for (size_t i = 0; i < count; i += 4 * half)
      for (size_t j = i; j < i + half; j += W) {
        vd a, b, c, d;
        __builtin_memcpy(&a, values + j, sizeof a);
        __builtin_memcpy(&b, values + j + half, sizeof b);
        __builtin_memcpy(&c, values + j + 2 * half, sizeof c);
        __builtin_memcpy(&d, values + j + 3 * half, sizeof d);
        vd s = a + b, t = a - b, u = c + d, v = c - d;
        a = s + u;
        b = t + v;
        c = s - u;
        d = t - v;
        __builtin_memcpy(values + j, &a, sizeof a);
        __builtin_memcpy(values + j + half, &b, sizeof b);
        __builtin_memcpy(values + j + 2 * half, &c, sizeof c);
        __builtin_memcpy(values + j + 3 * half, &d, sizeof d);
      }
  if (half < count)
    for (size_t j = 0; j < half; j += W) {
      vd a, b;
      __builtin_memcpy(&a, values + j, sizeof a);
      __builtin_memcpy(&b, values + j + half, sizeof b);
      vd s = a + b, t = a - b;
      __builtin_memcpy(values + j, &s, sizeof s);
      __builtin_memcpy(values + j + half, &t, sizeof t);
    }
}

#endif
