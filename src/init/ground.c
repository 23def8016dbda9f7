#include "init/ground_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "init/mask_layer.h"
#include "init/overlay.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/strv.h"

/* Largest mountinfo and passwd that are read, bytes */
#define TEXT_MAX (8 * 1024 * 1024)
/* The mask layer is directories and a few small files. */
#define TMPFS_OPTIONS "mode=700,size=32m,nr_inodes=16k"

/* What the Worker reads of the registration; .credentials* are not among it */
static const char *const runner_files[] = {
	".runner", ".runner_migrated", ".env", ".path", NULL};
/* Files of /etc that are often links, or mounts of a container engine */
static const char *const etc_files[] = {
	"/etc/hosts", "/etc/resolv.conf", "/etc/hostname", NULL};

static int enter_namespace(struct dr_err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return dr_err_errno(err, DR_ENGINE,
			"a mount namespace (root, CONFIG_NAMESPACES)");
	/* the machine's later mounts are followed, ours are not seen there */
	if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return dr_err_errno(err, DR_ENGINE,
			"make the mounts of the machine slaves");
	return 0;
}

static int open_dir(const char *path, int flags, struct dr_err *err)
{
	int fd = open(path, flags | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return dr_err_errno(err, DR_ENGINE, "open %s", path);
	return fd;
}

/* Asked before the namespace is left: where nobody else is in it, it and its
 * mounts are gone then, and the descriptor's path with them. */
static int find_slot(int fd, char path[PATH_MAX], struct dr_err *err)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0)
		return dr_err_errno(err, DR_ENGINE,
			"the slot's path (is /proc mounted?)");
	path[n] = '\0';
	return 0;
}

/*
 * The same directory by a mount of this namespace: the caller's descriptor
 * belongs to the one before, where nothing can be mounted from here.
 */
static int reopen(int fd, const char *path, struct dr_err *err)
{
	struct stat before, now;
	int own = open_dir(path, O_RDONLY, err);

	if (own < 0)
		return -1;
	if (fstat(fd, &before) < 0 || fstat(own, &now) < 0 ||
		before.st_dev != now.st_dev || before.st_ino != now.st_ino) {
		close(own);
		return dr_err_set(err, DR_ENGINE,
			"the slot %s is not where it was", path);
	}
	return own;
}

static int open_dirs(struct ground *g, struct dr_err *err)
{
	auto_free char *layer = NULL;

	if (fs_mkdir_p(g->spec->scratch, 0700, err) < 0)
		return -1;
	if (asprintf(&layer, "%s/world", g->spec->layers) < 0)
		return dr_err_oom(err);
	g->scratch_fd = open_dir(g->spec->scratch, O_RDONLY, err);
	if (g->scratch_fd < 0)
		return -1;
	g->tree_fd = open_dir(g->spec->tree, O_PATH, err);
	if (g->tree_fd < 0)
		return -1;
	g->layer_fd = open_dir(layer, O_PATH, err);
	return g->layer_fd < 0 ? -1 : 0;
}

static int mount_tmpfs(struct ground *g, struct dr_err *err)
{
	auto_free char *path = NULL;

	if (asprintf(&path, "%s/" GROUND_DIR, g->spec->scratch) < 0)
		return dr_err_oom(err);
	if ((mkdir(path, 0700) < 0 && errno != EEXIST) ||
		mount("deskrun", path, "tmpfs", MS_NOSUID | MS_NODEV,
			TMPFS_OPTIONS) < 0)
		return dr_err_errno(err, DR_ENGINE, "mount tmpfs on %s", path);
	g->dir_fd = open_dir(path, O_RDONLY, err);
	return g->dir_fd < 0 ? -1 : 0;
}

static int make_path(int at, const char *path, mode_t mode, struct dr_err *err)
{
	if (mkdirat(at, path, mode) < 0 && errno != EEXIST)
		return dr_err_errno(err, DR_ENGINE, "create %s", path);
	return 0;
}

/* The Listener's tree lasts: its upper layer is the registration. */
static int mount_listener(struct ground *g, struct dr_err *err)
{
	auto_close int layer = -1;
	auto_close int fd = -1;
	auto_free char *path = NULL;
	char lower[128], upper[64], work[64];
	const struct overlay o = {
		.lower = lower, .upper = upper, .work = work, .lasting = true};

	if (make_path(g->slot_fd, SLOT_STATE, 0700, err) < 0 ||
		make_path(g->slot_fd, SLOT_STATE "/upper", 0755, err) < 0 ||
		make_path(g->slot_fd, SLOT_STATE "/work", 0700, err) < 0 ||
		make_path(g->slot_fd, SLOT_ROOT, 0755, err) < 0)
		return -1;
	if (asprintf(&path, "%s/listener", g->spec->layers) < 0)
		return dr_err_oom(err);
	layer = open_dir(path, O_PATH, err);
	if (layer < 0)
		return -1;
	snprintf(lower, sizeof(lower), "/proc/self/fd/%d:/proc/self/fd/%d",
		layer, g->tree_fd);
	snprintf(upper, sizeof(upper), "/proc/self/fd/%d/" SLOT_STATE "/upper",
		g->slot_fd);
	snprintf(work, sizeof(work), "/proc/self/fd/%d/" SLOT_STATE "/work",
		g->slot_fd);
	fd = overlay_open(&o, err);
	if (fd < 0)
		return dr_err_prefix(err, "the Listener's tree");
	if (move_mount(fd, "", g->slot_fd, SLOT_ROOT, MOVE_MOUNT_F_EMPTY_PATH) <
		0)
		return dr_err_errno(err, DR_ENGINE,
			"mount the Listener's tree");
	g->listener = true;
	return 0;
}

/* Which of what is exposed below a mask is a file, and what is not there. */
static void settle_reveals(struct mask_list *masks)
{
	size_t kept = 0;

	for (size_t i = 0; i < masks->n; i++) {
		struct mask *m = &masks->v[i];
		struct stat st;

		if (m->kind == MASK_REVEAL) {
			bool there = stat(m->path, &st) == 0;

			if (there && S_ISREG(st.st_mode))
				m->kind = MASK_COPY;
			if (!there ||
				!(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
				free(m->path);
				continue;
			}
		}
		masks->v[kept++] = *m;
	}
	masks->n = kept;
}

static int collect_masks(struct ground *g, struct mask_list *masks,
	struct dr_err *err)
{
	auto_mask_list struct mask_list chosen = {0};
	auto_strv char **expose = NULL;
	auto_buf struct dr_buf passwd;
	struct dr_err absent = DR_ERR_INIT;

	dr_buf_init(&passwd, TEXT_MAX);
	if (fs_read(AT_FDCWD, "/etc/passwd", &passwd, &absent) < 0 &&
		absent.code != DR_NOT_FOUND) {
		*err = absent;
		return -1;
	}
	for (char *const *e = g->spec->expose; e && *e; e++) {
		auto_free char *real = path_resolve(*e);

		if (!real || strv_add(&expose, real) < 0)
			return dr_err_errno(err, DR_ENGINE, "resolve %s", *e);
	}
	if (masks_choose(g->spec, passwd.data, &chosen, err) < 0 ||
		masks_resolve(&chosen, masks, err) < 0 ||
		masks_expose(masks, expose, err) < 0)
		return -1;
	settle_reveals(masks);
	return 0;
}

static void drop_base(struct ground *g, size_t i)
{
	free(g->bases.v[i].point);
	free(g->bases.v[i].type);
	memmove(&g->bases.v[i], &g->bases.v[i + 1],
		(g->bases.n - i - 1) * sizeof(*g->bases.v));
	g->bases.n--;
}

static int add_copy(struct ground *g, const char *path, bool links,
	struct dr_err *err)
{
	auto_free char *target = mask_layer_place(g->dir_fd, &g->bases, path,
		err);
	struct copy c = {.from = AT_FDCWD,
		.source = (char *)path,
		.target = target,
		.links = links};

	return target ? copies_add(&g->copies, &c, err) : -1;
}

/*
 * Single files that are mounted (a container's /etc/hosts) are copied: a bind
 * would be the same file for every job. Sockets and devices are not for jobs.
 */
static int take_files(struct ground *g, struct dr_err *err)
{
	auto_strv char **files = NULL;

	for (size_t i = g->bases.n; i-- > 1;) {
		struct stat st;

		if (stat(g->bases.v[i].point, &st) < 0)
			st.st_mode = 0;
		if (S_ISDIR(st.st_mode))
			continue;
		if (S_ISREG(st.st_mode) &&
			strv_add(&files, g->bases.v[i].point) < 0)
			return dr_err_oom(err);
		drop_base(g, i);
	}
	for (char **f = files; f && *f; f++)
		if (add_copy(g, *f, false, err) < 0)
			return -1;
	for (const char *const *f = etc_files; *f; f++)
		if (!strv_contains(files, *f) && add_copy(g, *f, true, err) < 0)
			return -1;
	return 0;
}

/*
 * What the machine has read-only needs no overlay where a job cannot remount
 * it, and an overlay costs a world a quarter of a millisecond.
 */
static bool stays_read_only(const struct ground *g, const struct base *b)
{
	return g->spec->mode == SLOT_MODE_STANDARD && (b->flags & MS_RDONLY) &&
		!b->mask;
}

/* What cannot be a lower layer is read-only; and if a mask lies on it, that
 * could not be kept: it is not shown at all. */
static int try_bases(struct ground *g, struct dr_err *err)
{
	struct dr_err why = DR_ERR_INIT;

	for (size_t i = 1; i < g->bases.n; i++) {
		struct base *b = &g->bases.v[i];
		bool hidden = b->mask;

		if (stays_read_only(g, b))
			b->how = BASE_READONLY;
		if (b->how != BASE_OVERLAY || next_try_base(g, i, &why) == 0)
			continue;
		b->how = hidden ? BASE_HIDDEN : BASE_READONLY;
		if (strv_addf(&g->notes, "%s is %s: %s cannot be a lower layer",
			    b->point, hidden ? "hidden" : "bound read-only",
			    b->type) < 0)
			return dr_err_oom(err);
	}
	next_drop(g);
	return 0;
}

static int choose_bases(struct ground *g, const struct mount_table *t,
	struct dr_err *err)
{
	auto_mask_list struct mask_list masks = {0};

	if (collect_masks(g, &masks, err) < 0 ||
		bases_choose(t, &masks, &g->bases, err) < 0)
		return -1;
	if (take_files(g, err) < 0 ||
		mask_layer_build(g->dir_fd, &g->bases, &masks, err) < 0)
		return -1;
	return try_bases(g, err);
}

static int add_runner_file(struct ground *g, int from, const char *source,
	const char *target, struct dr_err *err)
{
	auto_free char *below = NULL;
	struct copy c = {.from = from, .source = (char *)source};

	if (asprintf(&below, GROUND_RUNNER "/%s", target) < 0)
		return dr_err_oom(err);
	c.target = below;
	return copies_add(&g->copies, &c, err);
}

/* The topmost lower layer of the runner's root in a world */
static int make_runner_layer(struct ground *g, struct dr_err *err)
{
	const char *own = WORLD_OWN_DIR + strlen(WORLD_RUNNER_ROOT) + 1;
	char path[64];

	if (make_path(g->dir_fd, GROUND_RUNNER, 0755, err) < 0 ||
		make_path(g->dir_fd, GROUND_RUNNER "/_diag", 0755, err) < 0)
		return -1;
	snprintf(path, sizeof(path), GROUND_RUNNER "/%s", own);
	if (make_path(g->dir_fd, path, 0755, err) < 0)
		return -1;
	for (const char *const *f = runner_files; *f; f++) {
		snprintf(path, sizeof(path), SLOT_STATE "/upper/%s", *f);
		if (add_runner_file(g, g->slot_fd, path, *f, err) < 0)
			return -1;
	}
	snprintf(path, sizeof(path), "%s/ca.pem", own);
	if (g->spec->ca_file &&
		add_runner_file(g, AT_FDCWD, g->spec->ca_file, path, err) < 0)
		return -1;
	return 0;
}

static int find_places(struct plan_places *p, struct dr_err *err)
{
	p->runner = path_resolve(WORLD_RUNNER_ROOT);
	p->docker = path_resolve("/var/lib/docker");
	p->containers = path_resolve("/var/lib/containers");
	if (!p->runner || !p->docker || !p->containers)
		return dr_err_errno(err, DR_ENGINE, "resolve %s",
			WORLD_RUNNER_ROOT);
	return 0;
}

static int build(struct ground *g, int slot_fd, struct dr_err *err)
{
	auto_mount_table struct mount_table t = {0};
	auto_buf struct dr_buf text;
	char slot[PATH_MAX];

	dr_buf_init(&text, TEXT_MAX);
	if (find_slot(slot_fd, slot, err) < 0 || enter_namespace(err) < 0)
		return -1;
	g->slot_fd = reopen(slot_fd, slot, err);
	if (g->slot_fd < 0 || open_dirs(g, err) < 0 ||
		fs_read(AT_FDCWD, "/proc/self/mountinfo", &text, err) < 0 ||
		mount_table_parse(text.data, &t, err) < 0)
		return -1;
	if (mount_tmpfs(g, err) < 0 || mount_listener(g, err) < 0 ||
		choose_bases(g, &t, err) < 0 || make_runner_layer(g, err) < 0 ||
		find_places(&g->places, err) < 0)
		return -1;
	if (cgroups_find(&t, &g->cgroups, err) < 0 ||
		cgroups_open(&g->cgroups, g->spec, &g->notes, err) < 0)
		return -1;
	if (plan_make(g->spec->mode, &g->bases, &g->places, &g->cgroups,
		    &g->plan, err) < 0)
		return -1;
	return next_prepare(g, err);
}

struct ground *ground_open(const struct slot_spec *spec, int slot_fd,
	struct dr_err *err)
{
	struct ground *g = calloc(1, sizeof(*g));

	if (!g) {
		dr_err_oom(err);
		return NULL;
	}
	g->spec = spec;
	g->slot_fd = g->scratch_fd = g->dir_fd = g->tree_fd = g->layer_fd = -1;
	for (size_t i = 0; i < LAYER_COUNT; i++)
		g->layers[i] = -1;
	if (build(g, slot_fd, err) < 0 ||
		(!g->notes && !(g->notes = strv_dup(NULL)))) {
		ground_free(g);
		return NULL;
	}
	return g;
}

static void unmount(struct ground *g)
{
	auto_free char *path = NULL;
	char root[64];

	if (g->listener) {
		snprintf(root, sizeof(root), "/proc/self/fd/%d/" SLOT_ROOT,
			g->slot_fd);
		umount2(root, MNT_DETACH);
	}
	if (g->dir_fd >= 0 &&
		asprintf(&path, "%s/" GROUND_DIR, g->spec->scratch) > 0) {
		umount2(path, MNT_DETACH);
		rmdir(path);
	}
}

void ground_free(struct ground *g)
{
	int saved = errno;

	if (!g)
		return;
	if (g->scratch_fd >= 0)
		next_drop(g);
	unmount(g);
	cgroups_close(&g->cgroups);
	plan_clear(&g->plan);
	copies_clear(&g->copies);
	base_list_clear(&g->bases);
	free(g->places.runner);
	free(g->places.docker);
	free(g->places.containers);
	strv_free(g->notes);
	cleanup_close(&g->slot_fd);
	cleanup_close(&g->scratch_fd);
	cleanup_close(&g->dir_fd);
	cleanup_close(&g->tree_fd);
	cleanup_close(&g->layer_fd);
	free(g);
	errno = saved;
}

char *const *ground_notes(const struct ground *g)
{
	return g->notes;
}

char **ground_leftovers(const struct ground *g)
{
	char **names = strv_dup(NULL);
	auto_closedir DIR *dir = NULL;
	int fd = openat(g->scratch_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;

	if (fd < 0 || !(dir = fdopendir(fd))) {
		cleanup_close(&fd);
		return names;
	}
	while (names && (e = readdir(dir)))
		if (strncmp(e->d_name, GROUND_WORLD, strlen(GROUND_WORLD)) == 0)
			strv_add(&names, e->d_name);
	return names;
}
