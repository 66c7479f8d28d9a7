// A topic includes this file once, as the first thing, with TOPIC its own name: the topic is then compiled once for each instruction
// set that this processor family has. For each of them SUFFIX ends the names of functions, LANES is how many 32-bit words a vector of the
// key stream has, and TILE and WIDE are the largest tile of matrix products: rows, and vectors of 16. None of these changes a bit.
#ifndef SUFFIX
#include "vectors.h"

#define SUFFIX base
#define ISA_NAME "baseline"
#define LANES 4
#define TILE 2
#define WIDE 2
#include "kernel_names.h"
#include TOPIC
#undef SUFFIX
#undef ISA_NAME
#undef LANES
#undef TILE
#undef WIDE

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define SUFFIX v3
#define ISA_NAME "x86-64-v3"
#define LANES 8
#define TILE 6
#define WIDE 4
#include "kernel_names.h"
#include TOPIC
#undef SUFFIX
#undef ISA_NAME
#undef LANES
#undef TILE
#undef WIDE
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#define SUFFIX v4
#define ISA_NAME "x86-64-v4"
#define LANES 16
#define TILE 12
#define WIDE 8
#include "kernel_names.h"
#include TOPIC
#undef SUFFIX
#undef ISA_NAME
#undef LANES
#undef TILE
#undef WIDE
#pragma clang attribute pop
#endif

#endif
