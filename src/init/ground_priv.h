/* What the files of the world's machinery share; see ground.h. */
#ifndef DESKRUN_INIT_GROUND_PRIV_H
#define DESKRUN_INIT_GROUND_PRIV_H

#include "init/cgroup.h"
#include "init/copies.h"
#include "init/ground.h"
#include "init/mounts.h"
#include "init/plan.h"

/* Below scratch: the ground's tmpfs, and what the next world will be. */
#define GROUND_DIR ".ground"
#define GROUND_NEXT ".next"
/* Names of worlds begin with this. */
#define GROUND_WORLD "w-"
/* Below the tmpfs: what stands above the runner's tree */
#define GROUND_RUNNER "runner"

struct ground {
	const struct slot_spec *spec;
	int slot_fd;	       /* its own, by a mount of its namespace */
	int scratch_fd;	       /* the slot's scratch directory */
	int dir_fd;	       /* the ground's tmpfs */
	int tree_fd, layer_fd; /* O_PATH: the runner's tree, layers/world */
	bool listener;	       /* the Listener's tree is mounted */
	char **notes;
	struct base_list bases;
	struct plan_places places;
	struct cgroups cgroups;
	struct copies copies;
	struct plan plan;

	/* the next world, made while nobody waits for it: next.c */
	bool ready;
	int layers[LAYER_COUNT];
};

/*
 * Makes the directories and the two overlays of the next world, unless they
 * are there already. Some milliseconds; blocks on the scratch disk.
 */
int next_prepare(struct ground *g, struct dr_err *err);
/*
 * Gives what was prepared the world's name. The overlays stay in g->layers
 * until next_taken().
 */
int next_take(struct ground *g, const char *world, struct dr_err *err);
void next_taken(struct ground *g);
/* Discards it. */
void next_drop(struct ground *g);

/* Whether base i can have an overlay here: mounts one and throws it away. */
int next_try_base(struct ground *g, size_t i, struct dr_err *err);

#endif
