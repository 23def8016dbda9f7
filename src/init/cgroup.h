/*
 * A cgroup for each world: <hierarchy>/deskrun/<runner>-<hash>/<world>, on
 * version 1 and 2 of the interface. The hash tells slots of one name apart.
 *
 * Worlds do not need one to be ended (the pid namespace does that), but for
 * the pool's limits, and so that cgroups which a privileged job makes are
 * below one that is removed with it. What is absent or read-only is a note,
 * unless a limit needs it. Sources: cgroups(7), Documentation/admin-guide/
 * cgroup-v2.rst and cgroup-v1/.
 */
#ifndef DESKRUN_INIT_CGROUP_H
#define DESKRUN_INIT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "init/mounts.h"
#include "util/err.h"
#include "util/slot.h"

struct plan;

struct hierarchy {
	char *point;	   /* where it is mounted */
	char *controllers; /* v1: "cpu,cpuacct" or "name=systemd"; v2: "" */
	bool v2;
	bool used; /* worlds have a cgroup in it */
	int dir;   /* the slot's group, when used */
};

struct cgroups {
	struct hierarchy *v;
	size_t n;
	enum slot_mode mode;
	struct slot_limits limits;
};

/* Pure: what is mounted. */
int cgroups_find(const struct mount_table *t, struct cgroups *c,
	struct dr_err *err);
/*
 * Makes the slot's group where a world needs one, and clears it of what an
 * earlier supervisor left. Adds to notes.
 */
int cgroups_open(struct cgroups *c, const struct slot_spec *spec, char ***notes,
	struct dr_err *err);
void cgroups_clear(struct cgroups *c);
/* Removes the slot's group as well; what is busy stays. */
void cgroups_close(struct cgroups *c);

/*
 * What the next world needs, made while nobody waits: version 1 lets a cgroup
 * be renamed, and has one for each controller. Failing is told by
 * cgroups_make().
 */
void cgroups_prepare(const struct cgroups *c);
/*
 * The world's cgroups with their limits. *into is a descriptor for
 * CLONE_INTO_CGROUP, or -1.
 */
int cgroups_make(const struct cgroups *c, const char *world, int *into,
	struct dr_err *err);
/* In the world's process 1: enters those that clone3(2) could not. */
int cgroups_join(const struct cgroups *c, const char *world,
	struct dr_err *err);
/* Removes them and all below, waiting a moment for the dying. */
int cgroups_remove(const struct cgroups *c, const char *world,
	struct dr_err *err);

/* The steps that show a world its own cgroups. */
int cgroups_plan(const struct cgroups *c, struct plan *plan,
	struct dr_err *err);

#endif
