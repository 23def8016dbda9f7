/* A file that is appended to, and moved to NAME.1 when it is full. */
#ifndef DESKRUN_INIT_ROTATED_H
#define DESKRUN_INIT_ROTATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define ROTATED_MAX (1024 * 1024)

struct rotated {
	int dir_fd;	  /* borrowed */
	const char *name; /* borrowed */
	int fd;
	uint64_t size, max;
	bool torn; /* its last line lacks its end: a write failed in between */
};

/* Continues the file, or begins it with mode 0600. */
int rotated_open(struct rotated *r, int dir_fd, const char *name,
	struct dr_err *err);
void rotated_close(struct rotated *r);
/* Whether len bytes more would be too many. */
bool rotated_full(const struct rotated *r, size_t len);
int rotated_rotate(struct rotated *r, struct dr_err *err);
/* Appends whole lines, as they are; never rotates. */
int rotated_append(struct rotated *r, const void *data, size_t len,
	struct dr_err *err);

#endif
