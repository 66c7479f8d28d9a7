/* fs_stop may be called in a signal's handler, which may have interrupted anything, a lock of our own included. So this is a list that only
 * grows, read and written by atomic operations: no lock, no memory, no Swift. A place that is free is used again. */
#include <stdatomic.h>
#include <stdlib.h>

#include "fedsim.h"
#include "fedsim_stop.h"

struct place {
  _Atomic(int64_t) object; /* 0: free */
  _Atomic(int64_t) calls;
  /* The object that is asked to stop. A place that has changed hands in between is not asked: objects have one number each. */
  _Atomic(int64_t) request;
  _Atomic(struct place *) next;
};

static struct place first;

static struct place *find(int64_t object) {
  if (object <= 0) return NULL;
  for (struct place *place = &first; place; place = atomic_load(&place->next))
    if (atomic_load(&place->object) == object) return place;
  return NULL;
}

int32_t fedsim_stop_admit(int64_t object) {
  struct place *last = &first;
  for (struct place *place = &first; place; place = atomic_load(&place->next)) {
    int64_t none = 0;
    if (atomic_compare_exchange_strong(&place->object, &none, object)) return 1;
    last = place;
  }
  struct place *place = calloc(1, sizeof *place);
  if (!place) return 0;
  atomic_store(&place->object, object);
  for (;;) {
    struct place *none = NULL;
    if (atomic_compare_exchange_strong(&last->next, &none, place)) return 1;
    last = none;
  }
}

void fedsim_stop_forget(int64_t object) {
  struct place *place = find(object);
  if (!place) return;
  atomic_store(&place->calls, 0);
  atomic_store(&place->object, 0);
}

void fedsim_stop_enter(int64_t object) {
  struct place *place = find(object);
  if (place) atomic_fetch_add(&place->calls, 1);
}

void fedsim_stop_leave(int64_t object) {
  struct place *place = find(object);
  if (!place) return;
  if (atomic_fetch_sub(&place->calls, 1) == 1) {
    int64_t asked = object;
    atomic_compare_exchange_strong(&place->request, &asked, 0);
  }
}

int32_t fedsim_stop_asked(int64_t object) {
  struct place *place = find(object);
  return place && atomic_load(&place->request) == object;
}

void fs_stop(fs_handle object) {
  struct place *place = find(object);
  if (place) atomic_store(&place->request, object);
}
