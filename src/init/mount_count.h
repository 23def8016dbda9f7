/* Counting mounts: lines of an open mountinfo. */
#ifndef DESKRUN_INIT_MOUNT_COUNT_H
#define DESKRUN_INIT_MOUNT_COUNT_H

#include <stdint.h>

/* Stops at a time of clock_mono_ns() unless until is 0. 0 if fd is -1. */
int64_t mount_count(int fd, uint64_t until);

#endif
