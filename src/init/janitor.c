#include "init/janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/collect.h"
#include "init/fds.h"
#include "init/ground_priv.h"
#include "init/mount_count.h"
#include "util/cleanup.h"
#include "util/fs.h"

struct work {
	struct ground *g;
	char world[40];
	int mounts_fd, proc_fd;
	int64_t base_mounts;
	int go; /* ends when the supervisor has let go of the namespace */
	int report;
};

/*
 * Behind everybody's back, but not at their mercy: with SCHED_IDLE or the
 * idle I/O class a busy machine would never get its disk space back.
 */
static void step_back(void)
{
	prctl(PR_SET_NAME, "deskrun-janitor");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 19);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
}

static void keep_own(const struct work *w)
{
	int keep[32] = {2, w->go, w->report, w->mounts_fd, w->proc_fd,
		w->g->scratch_fd, w->g->slot_fd};
	size_t n = 7;

	for (size_t i = 0; i < w->g->cgroups.n && n < ARRAY_SIZE(keep); i++)
		if (w->g->cgroups.v[i].used)
			keep[n++] = w->g->cgroups.v[i].dir;
	fds_close_but(keep, n);
}

/* The first failure is the one that is told. */
static void fail(struct janitor_report *r, const struct dr_err *err)
{
	if (!r->failed)
		snprintf(r->reason, sizeof(r->reason), "%.255s", err->msg);
	r->failed = 1;
}

/* Counted: this is what the job wrote. */
static void discard(int dir, const char *name, struct janitor_report *r)
{
	struct fs_removed removed = {0};
	struct dr_err err = DR_ERR_INIT;

	if (fs_remove_tree(dir, name, &removed, &err) < 0)
		fail(r, &err);
	r->files += removed.files;
	r->bytes += removed.bytes;
}

static void discard_upper(int dir, const char *name, struct janitor_report *r)
{
	auto_close int at = fs_open_beneath(dir, name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	if (at >= 0)
		discard(at, "u", r);
}

static void discard_world(const struct work *w, struct janitor_report *r)
{
	auto_close int dir = fs_open_beneath(w->g->scratch_fd, w->world,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	struct dr_err err = DR_ERR_INIT;
	char name[24];

	if (dir < 0 && errno == ENOENT)
		return;
	/* an earlier supervisor's bases may have been others: try them all,
	 * they are numbered without gaps but for what was bound */
	for (size_t i = 0; dir >= 0 && i < w->g->bases.n; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		discard_upper(dir, name, r);
	}
	if (dir >= 0) {
		discard_upper(dir, "runner", r);
		discard(dir, "docker", r);
		discard(dir, "containers", r);
	}
	if (fs_remove_tree(w->g->scratch_fd, w->world, NULL, &err) < 0)
		fail(r, &err);
}

static void collect(const struct work *w, struct janitor_report *r)
{
	struct dr_err err = DR_ERR_INIT;
	char path[64];
	auto_close int dir = -1;

	snprintf(path, sizeof(path), "%s/runner/u", w->world);
	dir = fs_open_beneath(w->g->scratch_fd, path,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir >= 0 && collect_log(w->g->slot_fd, dir, w->world, &err) < 0)
		fail(r, &err);
}

static _Noreturn void janitor(struct work *w)
{
	struct janitor_report r = {0};
	struct dr_err err = DR_ERR_INIT;
	int64_t mounts;
	char c;

	step_back();
	keep_own(w);
	if (read(w->go, &c, 1) < 0)
		_exit(1);
	mounts = mount_count(w->mounts_fd, 0);
	if (mounts > w->base_mounts)
		r.mounts = mounts - w->base_mounts;
	cleanup_close(&w->proc_fd);
	/* the last hold of the namespace: every mount goes with this */
	cleanup_close(&w->mounts_fd);
	collect(w, &r);
	if (cgroups_remove(&w->g->cgroups, w->world, &err) < 0)
		fail(&r, &err);
	discard_world(w, &r);
	_exit(fs_write_full(w->report, &r, sizeof(r)) < 0);
}

static int start(struct work *w, struct world *world, struct janitor *j,
	struct dr_err *err)
{
	int go[2] = {-1, -1}, report[2] = {-1, -1};

	*j = (struct janitor){.pid = -1, .report_fd = -1};
	snprintf(j->world, sizeof(j->world), "%s", w->world);
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0 ||
		(j->pid = fork()) < 0) {
		dr_err_errno(err, DR_FAILED, "start the janitor");
		for (int i = 0; i < 2; i++) {
			cleanup_close(&go[i]);
			cleanup_close(&report[i]);
		}
		return -1;
	}
	if (j->pid == 0) {
		w->go = go[0];
		w->report = report[1];
		janitor(w);
	}
	if (world) {
		cleanup_close(&world->mounts_fd);
		cleanup_close(&world->proc_fd);
	}
	for (int i = 0; i < 2; i++)
		cleanup_close(&go[i]);
	cleanup_close(&report[1]);
	fcntl(report[0], F_SETFL, O_NONBLOCK);
	j->report_fd = report[0];
	return 0;
}

int janitor_start(struct ground *g, struct world *w, struct janitor *j,
	struct dr_err *err)
{
	struct work work = {.g = g,
		.mounts_fd = w->mounts_fd,
		.proc_fd = w->proc_fd,
		.base_mounts = w->base_mounts};

	snprintf(work.world, sizeof(work.world), "%s", w->name);
	return start(&work, w, j, err);
}

int janitor_start_leftover(struct ground *g, const char *world,
	struct janitor *j, struct dr_err *err)
{
	struct work work = {.g = g, .mounts_fd = -1, .proc_fd = -1};

	snprintf(work.world, sizeof(work.world), "%s", world);
	return start(&work, NULL, j, err);
}

int janitor_collect(struct janitor *j, struct janitor_report *report)
{
	ssize_t n = read(j->report_fd, report, sizeof(*report));

	cleanup_close(&j->report_fd);
	/* it ends with its report, or has ended already */
	if (j->pid > 0)
		waitpid(j->pid, NULL, 0);
	j->pid = -1;
	return n == (ssize_t)sizeof(*report) ? 0 : -1;
}
