/* Requests to stop, for the library itself: not part of its interface. */
#ifndef FEDSIM_STOP_H
#define FEDSIM_STOP_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Makes an object one that fs_stop finds. 0: no memory. */
int32_t fedsim_stop_admit(int64_t object);
/* Forgets an object: what asks for a stop later finds nothing. */
void fedsim_stop_forget(int64_t object);
/* A call on the object begins; ends. The last that ends takes the request away. */
void fedsim_stop_enter(int64_t object);
void fedsim_stop_leave(int64_t object);
/* Whether somebody has asked for a stop. */
int32_t fedsim_stop_asked(int64_t object);

#ifdef __cplusplus
}
#endif
#endif
