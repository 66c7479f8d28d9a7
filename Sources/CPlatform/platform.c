#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#endif

#include "fedsim_platform.h"

int fedsim_allowed_processors(void) {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
  return 0;
}
