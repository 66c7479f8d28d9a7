// The tables of kernels, one for each instruction set, and the choice among them.
#define TOPIC "table.c"
#include "each_instruction_set.h"
#ifdef SUFFIX

// A kernel is named once and goes to the place of its own name: no two can be swapped, and none can be missing.
#define ENTRY(f) .f = NAME(f),
static const ck_ops NAME(ops) = {.name = ISA_NAME, KERNELS(ENTRY)};
#undef ENTRY
#else

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#define COUNT(f) +1
_Static_assert(
    sizeof(ck_ops) == sizeof(const char *) + (0 KERNELS(COUNT)) * sizeof(void (*)(void)),
    "kernel_names.h lists every function of ck_ops, and each once");

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
#endif
