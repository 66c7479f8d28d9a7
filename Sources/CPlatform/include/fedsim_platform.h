// What the system has, and Swift's view of the C library lacks.
#ifndef FEDSIM_PLATFORM_H
#define FEDSIM_PLATFORM_H

// The processors that this process may use; 0 where the system does not say. They are fewer than there are where the process is bound to
// some of them (taskset, containers).
int fedsim_allowed_processors(void);

#endif
