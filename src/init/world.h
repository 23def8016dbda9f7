/*
 * A world: the environment of one job. It did not exist before the job, and
 * is gone after it.
 *
 * A world is built by a child of the supervisor in new mount, pid, ipc, uts
 * and cgroup namespaces, by executing a plan (an array of steps, made and
 * checked beforehand). The child becomes the world's process 1: it starts the
 * real Worker, reaps orphans, and ends when the Worker has ended; its end is
 * the end of every process in the world. PR_SET_PDEATHSIG ends it with its
 * supervisor.
 */
#ifndef DESKRUN_INIT_WORLD_H
#define DESKRUN_INIT_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/ground.h"
#include "util/err.h"

/* What the shim hands over: how the real Worker is to be started. */
struct world_request {
	char **argv;	/* argv[0] is replaced by the world's own path */
	char **envp;	/* complete and final */
	int fds[5];	/* owned by the request; -1 when absent */
	int numbers[5]; /* the numbers they have in the Worker */
};

struct world {
	char name[40]; /* "w-<epoch>-<n>": directory, cgroup, log */
	pid_t pid;     /* of its process 1, in our namespace */
	int pidfd;     /* readable when the world is dead; pidfd_open(2) */
	int hook_fd;   /* listening socket: only this world can connect */
	int end_fd;    /* process 1 reports here; read by world_reap() */
	int mounts_fd; /* its mountinfo: holds the mount namespace too */
	int proc_fd;   /* its /proc, to count its processes by; or -1 */
	uint64_t started_ms; /* wall clock */
	uint64_t setup_us;   /* from the request to the Worker's start */
	int64_t base_mounts; /* mounts that we made */
};

/*
 * Builds a world and starts the Worker in it. Returns when the Worker was
 * executed (2 to 3 ms), or -1 with the step that failed; then nothing is left
 * but a directory for janitor_start_leftover(). The request stays the
 * caller's. name must be new.
 */
int world_start(struct ground *g, const char *name,
	const struct world_request *request, struct world *w,
	struct dr_err *err);

/* SIGKILL to process 1, and so to all. Does not wait. */
void world_kill(struct world *w);

struct world_end {
	int code;	   /* the Worker's exit code; 128 + signal if killed */
	int64_t processes; /* others that lived when the Worker ended */
};

/* Once pidfd is readable: collects the child. Does not block. */
void world_reap(struct world *w, struct world_end *end);

/* What is about to be wiped, for the completed hook: cheap, and bounded. */
struct world_usage {
	uint64_t files, bytes; /* in the upper layers so far counted */
	bool more;	       /* budget_us ended the count */
	int64_t processes;
	int64_t mounts; /* that the job made */
};
void world_measure(const struct ground *g, const struct world *w,
	unsigned budget_us, struct world_usage *usage);

#endif
