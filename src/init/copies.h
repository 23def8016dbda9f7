/*
 * Files that worlds get as copies, in a lower layer: what a link of the
 * machine points to outside of its root, single files that are mounted, and
 * what the Worker reads of the runner's registration.
 *
 * They are looked at before each world and copied again when they have
 * changed, so that setting a world up copies nothing.
 */
#ifndef DESKRUN_INIT_COPIES_H
#define DESKRUN_INIT_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "util/err.h"

struct copy {
	int from; /* directory that source is relative to, or AT_FDCWD */
	char *source;
	char *target; /* relative to the ground's directory */
	bool links;   /* only while source is a symbolic link */
	bool present; /* target is there, and made of this: */
	struct stat seen;
};

struct copies {
	struct copy *v;
	size_t n;
};

int copies_add(struct copies *c, const struct copy *copy, struct dr_err *err);
void copies_clear(struct copies *c);
/* Brings all up to date below dir. What is absent is absent. */
int copies_refresh(struct copies *c, int dir, struct dr_err *err);

#endif
