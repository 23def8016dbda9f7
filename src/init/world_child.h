/* The side of world_start() that becomes the world; see world_child.c. */
#ifndef DESKRUN_INIT_WORLD_CHILD_H
#define DESKRUN_INIT_WORLD_CHILD_H

#include "init/ground_priv.h"
#include "init/world.h"

/* One when all is ready for the Worker, one with an error when a step fails */
struct world_birth {
	int64_t mounts; /* that are ours */
	struct dr_err err;
};

struct world_child {
	struct ground *g;
	const char *name;
	const struct world_request *request; /* NULL: only try the plan */
	int hook;			     /* socket to be bound */
	int status; /* pipe: struct world_birth, until the Worker is executed */
	int end;    /* pipe: a struct world_end */
};

/* Where the supervisor finds the world's /proc: its process 1's descriptor */
#define WORLD_PROC_FD 3

_Noreturn void world_child(const struct world_child *c);

/* Processes that a /proc shows, besides its process 1. */
int64_t world_count_processes(int proc_fd);

#endif
