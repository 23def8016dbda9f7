/*
 * How a world is built: an array of steps, made once and checked, and
 * executed by each world's process 1 before it does anything else.
 *
 * Paths are relative to the world's own directory on scratch; "mnt" there
 * becomes its root. Nothing in a plan depends on the job.
 */
#ifndef DESKRUN_INIT_PLAN_H
#define DESKRUN_INIT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/cgroup.h"
#include "init/mounts.h"
#include "util/err.h"
#include "util/slot.h"

/* The root's mount point in the world's directory */
#define PLAN_ROOT "mnt"

/* Overlays that are prepared before a world is asked for */
enum plan_layer {
	LAYER_ROOT,   /* over "/" */
	LAYER_RUNNER, /* over the runner's tree */
	LAYER_COUNT,
};

enum step_op {
	STEP_MOUNT, /* mount(2) */
	STEP_PLACE, /* move_mount(2) of a prepared layer */
	STEP_DIR,
	STEP_NODE, /* a character device */
	STEP_LINK, /* a symbolic link with the text of source */
};

struct step {
	enum step_op op;
	enum plan_layer layer;	 /* STEP_PLACE */
	bool optional;		 /* what does not exist here is left out */
	unsigned long flags;	 /* STEP_MOUNT */
	mode_t mode;		 /* STEP_DIR, STEP_NODE */
	unsigned major, minor;	 /* STEP_NODE */
	const char *target;	 /* all */
	const char *source;	 /* STEP_MOUNT, STEP_LINK */
	const char *type, *data; /* STEP_MOUNT */
};

struct plan {
	struct step *v;
	size_t n;
	char **texts; /* what steps point to and no literal is */
};

/* Where the fresh parts go, links resolved */
struct plan_places {
	char *runner;	  /* WORLD_RUNNER_ROOT */
	char *docker;	  /* /var/lib/docker */
	char *containers; /* /var/lib/containers */
};

/* Makes and validates it. Pure. */
int plan_make(enum slot_mode mode, const struct base_list *bases,
	const struct plan_places *places, const struct cgroups *cgroups,
	struct plan *plan, struct dr_err *err);
void plan_clear(struct plan *plan);
/* What plan_make() promises: no ".." in a target, parents before children,
 * every layer placed once, data that fits mount(2). */
int plan_check(const struct plan *plan, struct dr_err *err);

/* For those who contribute steps; text keeps a formatted string. */
int plan_add(struct plan *plan, const struct step *step, struct dr_err *err);
const char *plan_text(struct plan *plan, struct dr_err *err, const char *fmt,
	...) __attribute__((format(printf, 3, 4)));
/* Binds target onto itself, read-only. */
int plan_add_readonly(struct plan *plan, const char *target,
	unsigned long flags, struct dr_err *err);

/*
 * Executes it in the current directory, in the namespaces of the caller;
 * *mounts is how many there are then. DR_ENGINE with the step that failed:
 * "mount overlay on /: …".
 */
int plan_run(const struct plan *plan, const int layers[LAYER_COUNT],
	int64_t *mounts, struct dr_err *err);

#endif
