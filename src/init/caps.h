/*
 * What root may do in a world; capabilities(7).
 *
 * privileged: what the container's root may, but for the clock, kernel
 * modules and raw I/O, whose effects no world's end undoes. standard: nothing
 * that reaches the kernel or another namespace, and no way to gain more.
 */
#ifndef DESKRUN_INIT_CAPS_H
#define DESKRUN_INIT_CAPS_H

#include "util/err.h"
#include "util/slot.h"

/* For the process that becomes the Worker: bounding set, sets, and in
 * standard mode no_new_privs. */
int caps_limit(enum slot_mode mode, struct dr_err *err);
/* For process 1, which needs none once the Worker runs. */
int caps_drop_all(struct dr_err *err);

#endif
