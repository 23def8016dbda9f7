/*
 * The next world's directories and overlays.
 *
 * An overlay takes its time to be mounted (it tries what the upper file
 * system can do: 0.4 to 1 ms on ext4), and so do directories on a disk.
 * Nothing in either depends on the job, so both are made as soon as the world
 * before has been started.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/ground_priv.h"
#include "init/overlay.h"
#include "util/cleanup.h"
#include "util/fs.h"

#define LOWER_MAX 256 /* fsconfig(2) */

static int make_dir(int at, const char *name, mode_t mode, struct dr_err *err)
{
	/* the umask is the supervisor's: not its to decide here */
	if (mkdirat(at, name, mode) < 0 || fchmodat(at, name, mode, 0) < 0)
		return dr_err_errno(err, DR_ENGINE,
			"create %s below the scratch directory", name);
	return 0;
}

/* <name>/u with the attributes of point, and <name>/w. */
static int make_upper(int at, const char *name, const char *point,
	struct dr_err *err)
{
	auto_close int from = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int upper = -1;
	char path[64];

	if (make_dir(at, name, 0700, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/w", name);
	if (make_dir(at, path, 0700, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/u", name);
	if (make_dir(at, path, 0755, err) < 0)
		return -1;
	upper = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from >= 0 && (upper < 0 || attributes_copy(from, upper) < 0))
		return dr_err_errno(err, DR_ENGINE, "attributes of %s", point);
	return 0;
}

static int make_dirs(struct ground *g, int at, struct dr_err *err)
{
	char name[24];

	for (size_t i = 0; i < g->bases.n; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		if (g->bases.v[i].how == BASE_OVERLAY &&
			make_upper(at, name, g->bases.v[i].point, err) < 0)
			return -1;
	}
	if (make_upper(at, "runner", g->spec->tree, err) < 0 ||
		make_dir(at, PLAN_ROOT, 0700, err) < 0 ||
		make_dir(at, "docker", 0711, err) < 0 ||
		make_dir(at, "containers", 0755, err) < 0)
		return -1;
	return 0;
}

/* By descriptor: such names are short, and hold no character that an option
 * would have to escape. */
static int open_layer(struct ground *g, const char *lower, const char *name,
	struct dr_err *err)
{
	char upper[64], work[64];
	const struct overlay o = {.lower = lower, .upper = upper, .work = work};

	snprintf(upper, sizeof(upper), "/proc/self/fd/%d/" GROUND_NEXT "/%s/u",
		g->scratch_fd, name);
	snprintf(work, sizeof(work), "/proc/self/fd/%d/" GROUND_NEXT "/%s/w",
		g->scratch_fd, name);
	return overlay_open(&o, err);
}

static int open_layers(struct ground *g, struct dr_err *err)
{
	char lower[LOWER_MAX];

	snprintf(lower, sizeof(lower), "/proc/self/fd/%d/0:/", g->dir_fd);
	g->layers[LAYER_ROOT] = open_layer(g, lower, "0", err);
	if (g->layers[LAYER_ROOT] < 0)
		return dr_err_prefix(err, "a world over / with scratch %s",
			g->spec->scratch);
	snprintf(lower, sizeof(lower),
		"/proc/self/fd/%d/" GROUND_RUNNER
		":/proc/self/fd/%d:/proc/self/fd/%d",
		g->dir_fd, g->layer_fd, g->tree_fd);
	g->layers[LAYER_RUNNER] = open_layer(g, lower, "runner", err);
	if (g->layers[LAYER_RUNNER] < 0)
		return dr_err_prefix(err, "the runner's tree %s",
			g->spec->tree);
	return 0;
}

static int prepare(struct ground *g, struct dr_err *err)
{
	auto_close int at = -1;

	if (fs_remove_tree(g->scratch_fd, GROUND_NEXT, NULL, err) < 0 ||
		make_dir(g->scratch_fd, GROUND_NEXT, 0700, err) < 0)
		return -1;
	at = openat(g->scratch_fd, GROUND_NEXT,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return dr_err_errno(err, DR_ENGINE, "open the next world");
	if (make_dirs(g, at, err) < 0)
		return -1;
	return open_layers(g, err);
}

int next_prepare(struct ground *g, struct dr_err *err)
{
	if (g->ready)
		return 0;
	if (prepare(g, err) < 0) {
		next_drop(g);
		return -1;
	}
	cgroups_prepare(&g->cgroups);
	g->ready = true;
	return 0;
}

int next_take(struct ground *g, const char *world, struct dr_err *err)
{
	if (renameat2(g->scratch_fd, GROUND_NEXT, g->scratch_fd, world,
		    RENAME_NOREPLACE) < 0)
		return dr_err_errno(err, DR_ENGINE,
			"create the directory of world %s", world);
	return 0;
}

void next_taken(struct ground *g)
{
	for (size_t i = 0; i < LAYER_COUNT; i++)
		cleanup_close(&g->layers[i]);
	/* a volatile upper layer is never mounted twice */
	g->ready = false;
}

void next_drop(struct ground *g)
{
	struct dr_err ignored = DR_ERR_INIT;

	next_taken(g);
	fs_remove_tree(g->scratch_fd, GROUND_NEXT, NULL, &ignored);
}

int next_try_base(struct ground *g, size_t i, struct dr_err *err)
{
	const struct base *b = &g->bases.v[i];
	auto_free char *point = overlay_escape(b->point);
	auto_free char *lower = NULL;
	auto_close int at = -1;
	auto_close int fd = -1;
	char name[24], mask[48] = "";

	if (b->mask)
		snprintf(mask, sizeof(mask), "/proc/self/fd/%d/%zu:", g->dir_fd,
			i);
	if (!point || asprintf(&lower, "%s%s", mask, point) < 0)
		return dr_err_oom(err);
	snprintf(name, sizeof(name), "%zu", i);
	next_drop(g);
	if (make_dir(g->scratch_fd, GROUND_NEXT, 0700, err) < 0)
		return -1;
	at = openat(g->scratch_fd, GROUND_NEXT,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || make_upper(at, name, b->point, err) < 0)
		return -1;
	fd = open_layer(g, lower, name, err);
	return fd < 0 ? -1 : 0;
}
