#include "init/world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/world_child.h"
#include "init/world_try.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fs.h"

/* What is open while a world is being built */
struct birth {
	int into; /* a cgroup for clone3(2), or -1 */
	int status[2], end[2];
};

static void birth_clear(struct birth *b)
{
	cleanup_close(&b->into);
	for (int i = 0; i < 2; i++) {
		cleanup_close(&b->status[i]);
		cleanup_close(&b->end[i]);
	}
}

static void world_init(struct world *w, const char *name)
{
	*w = (struct world){
		.pid = -1,
		.pidfd = -1,
		.hook_fd = -1,
		.end_fd = -1,
		.mounts_fd = -1,
		.proc_fd = -1,
		.started_ms = clock_wall_ms(),
	};
	snprintf(w->name, sizeof(w->name), "%s", name);
}

static void world_close(struct world *w)
{
	cleanup_close(&w->pidfd);
	cleanup_close(&w->hook_fd);
	cleanup_close(&w->end_fd);
	cleanup_close(&w->mounts_fd);
	cleanup_close(&w->proc_fd);
}

static int check_name(const char *name, struct dr_err *err)
{
	if (strncmp(name, GROUND_WORLD, strlen(GROUND_WORLD)) != 0 ||
		strchr(name, '/') ||
		strlen(name) >= sizeof(((struct world *)0)->name))
		return dr_err_set(err, DR_ENGINE,
			"\"%s\" is no name for a world", name);
	return 0;
}

/* Everything that is made before there is a process. */
static int make(struct ground *g, struct world *w, struct birth *b,
	struct dr_err *err)
{
	if (next_prepare(g, err) < 0 ||
		copies_refresh(&g->copies, g->dir_fd, err) < 0)
		return -1;
	if (next_take(g, w->name, err) < 0 ||
		cgroups_make(&g->cgroups, w->name, &b->into, err) < 0)
		return -1;
	w->hook_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0);
	if (w->hook_fd < 0 || pipe2(b->status, O_CLOEXEC) < 0 ||
		pipe2(b->end, O_CLOEXEC | O_NONBLOCK) < 0)
		return dr_err_errno(err, DR_ENGINE, "make a world's pipes");
	return 0;
}

/*
 * Not by fork(2) and unshare(2): the pid namespace begins with a child, and
 * PR_SET_PDEATHSIG must tie that child to this process. Without handlers,
 * because a signal that process 1 handles can be sent to it by the job.
 */
static pid_t clone_world(int into, int *pidfd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID |
			CLONE_NEWIPC | CLONE_NEWUTS | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

	if (into >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)into;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Blocks until the Worker was executed, or the reason why not is known. */
static int wait_until_built(int status, int64_t *mounts, struct dr_err *err)
{
	struct world_birth b;
	bool ready = false;

	while (fs_read_full(status, &b, sizeof(b)) == (ssize_t)sizeof(b)) {
		if (b.err.code != DR_OK) {
			*err = b.err;
			return -1;
		}
		*mounts = b.mounts;
		ready = true;
	}
	if (!ready)
		return dr_err_set(err, DR_ENGINE,
			"the world ended while it was built");
	return 0;
}

static int open_proc(pid_t pid, const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	return open(path, O_RDONLY | O_CLOEXEC | flags);
}

static int give_birth(struct ground *g, const struct world_request *request,
	struct world *w, struct birth *b, struct dr_err *err)
{
	struct world_child child = {
		.g = g, .name = w->name, .request = request};

	if (make(g, w, b, err) < 0)
		return -1;
	child.hook = w->hook_fd;
	child.status = b->status[1];
	child.end = b->end[1];
	w->pid = clone_world(b->into, &w->pidfd);
	if (w->pid < 0)
		return dr_err_errno(err, DR_ENGINE,
			"clone3 with new namespaces");
	if (w->pid == 0) {
		close(b->status[0]);
		close(b->end[0]);
		world_child(&child);
	}
	cleanup_close(&b->status[1]);
	cleanup_close(&b->end[1]);
	w->end_fd = steal_fd(&b->end[0]);
	return wait_until_built(b->status[0], &w->base_mounts, err);
}

/* A world that did not come to be: its processes and cgroups. */
static void bury(struct ground *g, struct world *w)
{
	struct dr_err ignored = DR_ERR_INIT;

	if (w->pid > 0) {
		world_kill(w);
		waitpid(w->pid, NULL, 0);
	}
	cgroups_remove(&g->cgroups, w->name, &ignored);
	world_close(w);
	w->pid = -1;
}

static int start(struct ground *g, const struct world_request *request,
	struct world *w, struct dr_err *err)
{
	struct birth b = {-1, {-1, -1}, {-1, -1}};
	int rc = give_birth(g, request, w, &b, err);

	birth_clear(&b);
	next_taken(g);
	if (rc < 0)
		bury(g, w);
	return rc;
}

int world_start(struct ground *g, const char *name,
	const struct world_request *request, struct world *w,
	struct dr_err *err)
{
	uint64_t began = clock_mono_ns();
	char what[24];
	struct dr_err later = DR_ERR_INIT;

	world_init(w, name);
	if (check_name(name, err) < 0)
		return -1;
	if (start(g, request, w, err) < 0)
		return -1;
	w->setup_us = (clock_mono_ns() - began) / 1000;
	/* an ended world has neither; then there is nothing to be held */
	w->mounts_fd = open_proc(w->pid, "mountinfo", 0);
	snprintf(what, sizeof(what), "fd/%d", WORLD_PROC_FD);
	w->proc_fd = open_proc(w->pid, what, O_DIRECTORY);
	/* tried again, and then reported, when the next world is due */
	(void)next_prepare(g, &later);
	return 0;
}

int world_try(struct ground *g, struct dr_err *err)
{
	struct dr_err ignored = DR_ERR_INIT;
	struct world w;
	int rc;

	world_init(&w, GROUND_WORLD "try");
	rc = start(g, NULL, &w, err);
	if (rc == 0)
		bury(g, &w);
	fs_remove_tree(g->scratch_fd, w.name, NULL, &ignored);
	return rc;
}

void world_kill(struct world *w)
{
	if (w->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
}

void world_reap(struct world *w, struct world_end *end)
{
	/* without a report process 1 was killed, and all with it */
	*end = (struct world_end){.code = 128 + SIGKILL};
	if (w->end_fd >= 0) {
		struct world_end told;

		if (read(w->end_fd, &told, sizeof(told)) ==
			(ssize_t)sizeof(told))
			*end = told;
	}
	if (w->pid > 0)
		waitpid(w->pid, NULL, WNOHANG);
	w->pid = -1;
	cleanup_close(&w->end_fd);
	cleanup_close(&w->hook_fd);
	cleanup_close(&w->pidfd);
}
