/*
 * The ground that a supervisor's worlds stand on, made once in its life.
 *
 * ground_open() moves the supervisor into a mount namespace of its own (a
 * slave of the machine's, so that what the machine mounts and unmounts later
 * is followed, and nothing of ours is seen outside), mounts the Listener's
 * tree at <slot>/root and, on a small tmpfs, builds the mask layer: a lower
 * layer above "/" in which opaque directories, whiteouts and cleaned copies
 * stand for what a job must not see. A job cannot unmount it, because it is
 * no mount of the world's.
 *
 * Sources: Documentation/filesystems/overlayfs.rst (whiteouts, opaque
 * directories, multiple lower layers, volatile), mount_namespaces(7).
 */
#ifndef DESKRUN_INIT_GROUND_H
#define DESKRUN_INIT_GROUND_H

#include "util/err.h"
#include "util/slot.h"

/* Where the runner's tree stands in every world. */
#define WORLD_RUNNER_ROOT "/opt/actions-runner"
/* Hooks, program and certificates of ours, below that. */
#define WORLD_OWN_DIR WORLD_RUNNER_ROOT "/.deskrun"
/* The way to the supervisor, in the world's own /run. */
#define WORLD_SOCKET "/run/deskrun.sock"

/*
 * Inside <layers> (see slot_spec), written by "deskrun-init install":
 *   deskrun-init
 *   listener/bin/Runner.Worker        the shim: a hard link to it
 *   world/.deskrun/deskrun-init       the hook: likewise
 *   world/.deskrun/job-started.sh     what the hook variables name
 *   world/.deskrun/job-completed.sh
 * The Listener's tree is an overlay of listener/ above the runner's tree, the
 * world's one of world/ above the runner's tree.
 */

struct ground;

/*
 * spec must outlive the ground; slot_fd is the slot's directory. Unshares the
 * caller's mount namespace: descriptors that were opened before stay in the
 * old one, so that <slot>/root must be reached by its path. DR_ENGINE when the kernel or a file system
 * cannot do what is needed: the message names it.
 */
struct ground *ground_open(const struct slot_spec *spec, int slot_fd,
	struct dr_err *err);
void ground_free(struct ground *g);

/* What this machine's worlds lack (NULL-terminated, often empty; borrowed):
 * "/srv is bound read-only: vfat cannot be a lower layer". */
char *const *ground_notes(const struct ground *g);

/*
 * Worlds of an earlier supervisor that nobody cleaned up (it was killed):
 * their names, a new vector; their processes are dead already, because
 * PR_SET_PDEATHSIG ties a world to its supervisor. Also ends cgroups of
 * theirs. Hand each to janitor_start_leftover().
 */
char **ground_leftovers(const struct ground *g);

/*
 * "deskrun-init probe": whether worlds can be had here, tried out in a mount
 * namespace that the process is left in. Writes one JSON object to stdout,
 *   {"ok":false,"isolation":"none","missing":["…", …],"notes":["…", …]}
 * missing names kernel features and the Linux version or configuration option
 * that brings each. slots and scratch are directories that exist: each must
 * be on a file system that can hold an upper layer. Returns an exit status.
 */
int probe_run(const char *slots, const char *scratch);

#endif
