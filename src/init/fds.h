/* Descriptors, where a process must have these and no others. */
#ifndef DESKRUN_INIT_FDS_H
#define DESKRUN_INIT_FDS_H

#include <stddef.h>

/* Closes everything but these (any order, -1 is skipped). */
void fds_close_but(const int *keep, size_t n);
/*
 * Gives each fds[i] the number numbers[i], open across execve(2); pairs with
 * a -1 are skipped, and no order of the two can make one overwrite another.
 * 0, or -1 with errno.
 */
int fds_place(const int *fds, const int *numbers, size_t n);
/* A copy above every number in the list, close-on-exec; the old one closed. */
int fds_above(int fd, const int *numbers, size_t n);

#endif
