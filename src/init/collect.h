/* The Worker's log, out of what a job could have written. */
#ifndef DESKRUN_INIT_COLLECT_H
#define DESKRUN_INIT_COLLECT_H

#include "util/err.h"

/*
 * Copies the Worker's logs of a dead world (<dir>/_diag/Worker_*.log, regular
 * files alone, 64 MiB at most) to <slot>/logs/jobs/<world>.log, and keeps the
 * newest logs there. No log is success.
 */
int collect_log(int slot_fd, int dir_fd, const char *world, struct dr_err *err);

#endif
