// What all topics share: the type of vectors, the order of additions, and the names of kernels.
#pragma once
#include "CKernels.h"

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
// Vectors side by side, at most.
#define MOST 2
#define AI static inline __attribute__((always_inline))
#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)
// The name of a function for the instruction set that is being compiled.
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

#define LN_2 0x1.62e42fefa39efp-1
// ln 2 in two parts: an integer below 2^20 times the first is exact.
#define LN_2_HIGH 0x1.62e42fefa0000p-1
#define LN_2_LOW 0x1.cf79abc9e3b3ap-40
#define ONE_OVER_LN_2 0x1.71547652b82fep+0
#define HALF_PI 0x1.921fb54442d18p+0
#define SQRT_HALF 0x1.6a09e667f3bcdp-1
#define BITS_OF_ONE 0x3FF0000000000000ull
#define BITS_OF_SQRT_HALF 0x3FE6A09E667F3BCDull
#define BITS_OF_2_52 0x4330000000000000ull
#define BITS_OF_MANTISSA 0x000FFFFFFFFFFFFFull
