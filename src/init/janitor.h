/*
 * The janitor frees what a dead world leaves, behind the next job's back.
 *
 * It is a child of the supervisor with the lowest priority. It closes the
 * world's mount namespace, keeps the Worker's log, counts and removes the
 * upper layers and the cgroup, all by openat2(2) below the scratch directory,
 * and reports once.
 */
#ifndef DESKRUN_INIT_JANITOR_H
#define DESKRUN_INIT_JANITOR_H

#include <stdint.h>
#include <sys/types.h>

#include "init/world.h"

struct janitor_report {	       /* one write to the pipe, so atomic */
	uint64_t files, bytes; /* discarded */
	int64_t mounts;	       /* dropped that the job had made */
	int32_t failed;	       /* not all could be removed */
	char reason[256];      /* then: what and why */
};

struct janitor {
	pid_t pid;
	int report_fd; /* readable when it is done (or dead: end of file) */
	char world[40];
};

/*
 * Takes over the descriptors of a dead world. The Worker's log goes to
 * <slot>/logs/jobs/<world>.log. A failing fork is -1; try again later.
 */
int janitor_start(struct ground *g, struct world *w, struct janitor *j,
	struct dr_err *err);
/* The same for a world of an earlier supervisor. */
int janitor_start_leftover(struct ground *g, const char *world,
	struct janitor *j, struct dr_err *err);
/* Once report_fd is readable: 0, or -1 when it died without a report. */
int janitor_collect(struct janitor *j, struct janitor_report *report);

#endif
