/*
 * Prints files that grow, as "tail -F" does: complete lines, across rotation.
 */
#ifndef DESKRUN_RUNNER_TAIL_H
#define DESKRUN_RUNNER_TAIL_H

#include <stdint.h>
#include <stdio.h>

#include "util/err.h"

struct tail;

/*
 * dirfd is borrowed and must stay open; paths below it are opened beneath it.
 * lines is how many of the last lines of each file come first, -1 for all.
 */
struct tail *tail_new(int dirfd, int64_t lines);
void tail_free(struct tail *t);

/* prefix is put before each line; NULL for none. Both are copied. The file
 * need not exist as yet. */
int tail_add(struct tail *t, const char *path, const char *prefix,
	struct dr_err *err);

/* Prints all that is complete and was not printed. */
int tail_print(struct tail *t, FILE *to, struct dr_err *err);

/* Blocks until a file may have grown, or a signal came. */
void tail_wait(struct tail *t);

#endif
