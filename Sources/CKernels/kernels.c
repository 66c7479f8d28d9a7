#include "CKernels.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#if defined(__FAST_MATH__)
#error "decoders need IEEE arithmetic"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "payloads are little-endian, and so is what is read from them"
#endif
#pragma clang fp contract(off)

// Fixed on every machine: the order of additions, and so the bits, depends on it.
#define W 8
#define F 16
#define AI static inline __attribute__((always_inline))
#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)
#define NAME(f) CAT(f, SUFFIX)

typedef double vd __attribute__((ext_vector_type(W)));
typedef uint64_t vu __attribute__((ext_vector_type(W)));
typedef int64_t vi __attribute__((ext_vector_type(W)));
typedef double vd4 __attribute__((ext_vector_type(4)));
typedef double vd2 __attribute__((ext_vector_type(2)));
typedef int64_t vi4 __attribute__((ext_vector_type(4)));
typedef uint8_t vu8 __attribute__((ext_vector_type(W)));
typedef float vf __attribute__((ext_vector_type(F)));
typedef float vf8 __attribute__((ext_vector_type(W)));
typedef int32_t vi32 __attribute__((ext_vector_type(W)));

#define SUFFIX base
#define LANES 4
#define TILE 2
#define WIDE 2
#define ISA_NAME "baseline"
#include "kernels.inc"
#undef SUFFIX
#undef LANES
#undef TILE
#undef WIDE
#undef ISA_NAME

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define SUFFIX v3
#define LANES 8
#define TILE 6
#define WIDE 4
#define ISA_NAME "x86-64-v3"
#include "kernels.inc"
#undef SUFFIX
#undef LANES
#undef TILE
#undef WIDE
#undef ISA_NAME
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#define SUFFIX v4
#define LANES 16
#define TILE 12
#define WIDE 8
#define ISA_NAME "x86-64-v4"
#include "kernels.inc"
#undef SUFFIX
#undef LANES
#undef TILE
#undef WIDE
#undef ISA_NAME
#pragma clang attribute pop
#endif

const ck_ops *ck_get(ck_isa isa) {
  switch (isa) {
    case CK_ISA_BASELINE:
      return &ops_base;
#if defined(__x86_64__)
    case CK_ISA_V3:
      __builtin_cpu_init();
      return __builtin_cpu_supports("x86-64-v3") ? &ops_v3 : 0;
    case CK_ISA_V4:
      __builtin_cpu_init();
      return __builtin_cpu_supports("x86-64-v4") ? &ops_v4 : 0;
#endif
    default:
      return 0;
  }
}

const ck_ops *ck_best(void) {
  const ck_ops *ops = ck_get(CK_ISA_V4);
  if (!ops) ops = ck_get(CK_ISA_V3);
  return ops ? ops : &ops_base;
}

void ck_keep_freed_memory(void) {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
#endif
}

double ck_log(double x) {
  if (!(x >= 0x1p-1022 && x <= 0x1.fffffffffffffp+1023)) {
    if (x == 0) return -__builtin_inf();
    if (x > 0 && x < 1) return ck_log(x * 0x1p+54) - 54 * 0x1.62e42fefa39efp-1;
    return x > 0 ? x : __builtin_nan("");
  }
  vd v = {x, 1, 1, 1, 1, 1, 1, 1};
  log__base(&v, &v);
  return v[0];
}

// exp x = 2^k e^r, |r| <= ln2 / 2, Taylor to r^14 / 14! (next term 2e-18). Below -708 the result is 0.
double ck_exp(double x) {
  if (x != x) return x;
  if (x < -708.0) return 0;
  if (x > 709.0) return __builtin_inf();
  double scaled = x * 0x1.71547652b82fep+0;
  int64_t k = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  double r = (x - (double)k * 0x1.62e42fefa0000p-1) - (double)k * 0x1.cf79abc9e3b3ap-40;
  double p = 1;
  for (int n = 14; n > 0; n--) p = p * r / n + 1;
  uint64_t bits = (uint64_t)(k + 1023) << 52;
  double power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return p * power;
}
