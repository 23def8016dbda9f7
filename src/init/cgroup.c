#include "init/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/cgroup_dir.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/strv.h"

/* What the limits of a pool are made of */
static const struct limit {
	const char *controller;
	size_t offset;	     /* in struct slot_limits */
	const char *v1, *v2; /* the file */
} limits[] = {
	{"memory", offsetof(struct slot_limits, memory),
		"memory.limit_in_bytes", "memory.max"},
	{"pids", offsetof(struct slot_limits, pids), "pids.max", "pids.max"},
	{"cpu", offsetof(struct slot_limits, cpus_milli), "cpu.cfs_quota_us",
		"cpu.max"},
};

/* Below the slot's group, what cgroups_prepare() made. */
#define NEXT "next"

/* Period of the scheduler's bandwidth control, microseconds: its default */
#define CPU_PERIOD 100000

static int64_t limit_of(const struct slot_limits *l, const struct limit *what)
{
	return *(const int64_t *)((const char *)l + what->offset);
}

static bool has_word(const char *list, const char *word, const char *separator)
{
	size_t len = strlen(word);

	while (*list) {
		size_t n = strcspn(list, separator);

		if (n == len && strncmp(list, word, len) == 0)
			return true;
		list += n + (list[n] != '\0');
	}
	return false;
}

/* The controllers of a version 1 hierarchy, out of its mount options. */
static char *controllers_of(const char *super)
{
	static const char *const others[] = {"rw", "ro", "xattr",
		"clone_children", "noprefix", "cpuset_v2_mode", "seclabel",
		"favordynmods", "none", NULL};
	auto_free char *copy = strdup(super);
	auto_buf struct dr_buf out;
	char *rest = copy;
	char *option;

	dr_buf_init(&out, 256);
	while (rest && (option = strsep(&rest, ",")))
		if (!strv_contains((char *const *)others, option) &&
			strncmp(option, "release_agent=", 14) != 0)
			dr_buf_addf(&out, "%s%s", out.len ? "," : "", option);
	return dr_buf_steal(&out);
}

int cgroups_find(const struct mount_table *t, struct cgroups *c,
	struct dr_err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct mount_entry *e = &t->v[i];
		bool v2 = strcmp(e->type, "cgroup2") == 0;
		struct hierarchy *grown;

		if ((!v2 && strcmp(e->type, "cgroup") != 0) ||
			mount_at(t, e->point) != e)
			continue;
		grown = reallocarray(c->v, c->n + 1, sizeof(*grown));
		if (!grown)
			return dr_err_oom(err);
		c->v = grown;
		grown[c->n] = (struct hierarchy){
			.point = strdup(e->point),
			.controllers = v2 ? strdup("")
					  : controllers_of(e->super),
			.v2 = v2,
			.dir = -1,
		};
		c->n++;
		if (!grown[c->n - 1].point || !grown[c->n - 1].controllers)
			return dr_err_oom(err);
	}
	return 0;
}

void cgroups_clear(struct cgroups *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].point);
		free(c->v[i].controllers);
		cleanup_close(&c->v[i].dir);
	}
	free(c->v);
	*c = (struct cgroups){0};
}

static bool v2_has(const struct hierarchy *h, const char *controller)
{
	char text[512];

	return cgroup_read(h->point, "cgroup.controllers", text,
		       sizeof(text)) == 0 &&
		has_word(text, controller, " \n");
}

static bool has(const struct hierarchy *h, const char *controller)
{
	return h->v2 ? v2_has(h, controller)
		     : has_word(h->controllers, controller, ",");
}

/*
 * Joining costs, so standard worlds do only where a limit says so. A
 * privileged one gets a cgroup in every hierarchy: what its Docker makes
 * there must be below something of ours.
 */
static bool wanted(const struct cgroups *c, const struct hierarchy *h)
{
	if (c->mode == SLOT_MODE_PRIVILEGED || (h->v2 && c->n == 1))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limit_of(&c->limits, &limits[i]) > 0 &&
			has(h, limits[i].controller))
			return true;
	return false;
}

/* A new cpuset is empty, and nothing can enter an empty one; cpuset(7). */
static void fill_cpuset(int parent, int dir)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems", NULL};
	char text[512];

	for (const char *const *f = files; *f; f++)
		if (cgroup_read_at(parent, *f, text, sizeof(text)) == 0)
			cgroup_write_at(dir, *f, text);
	cgroup_write_at(dir, "cgroup.clone_children", "1");
}

/* Offers the controllers to the cgroups below; those it has not, it has not. */
static void delegate(const struct cgroups *c, int dir)
{
	static const char *const useful[] = {
		"cpu", "cpuset", "io", "memory", "pids", "hugetlb", NULL};
	char text[64];

	if (c->mode == SLOT_MODE_PRIVILEGED)
		for (const char *const *u = useful; *u; u++) {
			snprintf(text, sizeof(text), "+%s", *u);
			cgroup_write_at(dir, "cgroup.subtree_control", text);
		}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limit_of(&c->limits, &limits[i]) > 0) {
			snprintf(text, sizeof(text), "+%s",
				limits[i].controller);
			cgroup_write_at(dir, "cgroup.subtree_control", text);
		}
}

/* One step down; the descriptor of the parent is replaced. */
static int enter(const struct cgroups *c, const struct hierarchy *h, int *dir,
	const char *name)
{
	int next;

	if (h->v2)
		delegate(c, *dir);
	if (mkdirat(*dir, name, 0755) < 0 && errno != EEXIST)
		return -1;
	next = openat(*dir, name,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (next < 0)
		return -1;
	if (has_word(h->controllers, "cpuset", ","))
		fill_cpuset(*dir, next);
	/* before Linux 5.11 a limit held only for the group itself */
	if (has_word(h->controllers, "memory", ","))
		cgroup_write_at(next, "memory.use_hierarchy", "1");
	close(*dir);
	*dir = next;
	return 0;
}

/*
 * Runners of one name can live in two data directories; their cgroups are one
 * tree all the same. FNV-1a of the scratch directory, which is the slot's own.
 */
static void name_group(const struct slot_spec *spec, char *name, size_t size)
{
	uint32_t hash = 2166136261u;

	for (const char *p = spec->scratch; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	snprintf(name, size, "%s-%08x", spec->runner, hash);
}

static int open_hierarchy(const struct cgroups *c, struct hierarchy *h,
	const char *group)
{
	auto_close int dir = open(h->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || enter(c, h, &dir, "deskrun") < 0 ||
		enter(c, h, &dir, group) < 0)
		return -1;
	if (h->v2)
		delegate(c, dir);
	cgroup_remove_below(dir);
	h->dir = steal_fd(&dir);
	h->used = true;
	return 0;
}

/* A limit that cannot be kept is worse than none: say so. */
static int check_limits(const struct cgroups *c, struct dr_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		bool found = limit_of(&c->limits, &limits[i]) == 0;

		for (size_t j = 0; j < c->n && !found; j++) {
			const struct hierarchy *h = &c->v[j];
			char text[512];

			if (!h->used)
				continue;
			found = !h->v2 ? has(h, limits[i].controller)
				       : cgroup_read_at(h->dir,
						 "cgroup.subtree_control", text,
						 sizeof(text)) == 0 &&
					has_word(text, limits[i].controller,
						" \n");
		}
		if (!found)
			return dr_err_set(err, DR_ENGINE,
				"limits: the cgroup controller \"%s\" cannot "
				"be used here",
				limits[i].controller);
	}
	return 0;
}

int cgroups_open(struct cgroups *c, const struct slot_spec *spec, char ***notes,
	struct dr_err *err)
{
	char group[NAME_MAX];

	name_group(spec, group, sizeof(group));
	c->mode = spec->mode;
	c->limits = spec->limits;
	if (c->n == 0)
		strv_add(notes,
			"no cgroup hierarchy is mounted: worlds have "
			"no cgroup of their own");
	for (size_t i = 0; i < c->n; i++) {
		struct hierarchy *h = &c->v[i];

		if (wanted(c, h) && open_hierarchy(c, h, group) < 0)
			strv_addf(notes, "worlds have no cgroup in %s: %s",
				h->point, strerror(errno));
	}
	return check_limits(c, err);
}

void cgroups_close(struct cgroups *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct hierarchy *h = &c->v[i];

		if (!h->used)
			continue;
		cgroup_remove_below(h->dir);
		cgroup_remove_self(h->dir);
	}
	cgroups_clear(c);
}

static int set_limit(const struct cgroups *c, const struct hierarchy *h,
	int dir, const struct limit *l)
{
	int64_t value = limit_of(&c->limits, l);
	char text[64];

	if (value == 0 || !has(h, l->controller))
		return 0;
	if (strcmp(l->controller, "cpu") == 0)
		value = value * (CPU_PERIOD / 1000);
	snprintf(text, sizeof(text), "%lld", (long long)value);
	if (h->v2 && strcmp(l->controller, "cpu") == 0)
		snprintf(text, sizeof(text), "%lld %d", (long long)value,
			CPU_PERIOD);
	return cgroup_write_at(dir, h->v2 ? l->v2 : l->v1, text);
}

/* A cgroup of this name with its limits; its descriptor, or -1. */
static int make_one(const struct cgroups *c, const struct hierarchy *h,
	const char *name, struct dr_err *err)
{
	auto_close int dir = -1;

	if (mkdirat(h->dir, name, 0755) < 0 ||
		(dir = openat(h->dir, name,
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return dr_err_errno(err, DR_ENGINE, "make a cgroup in %s",
			h->point);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (set_limit(c, h, dir, &limits[i]) < 0)
			return dr_err_errno(err, DR_ENGINE,
				"set the %s limit of a world",
				limits[i].controller);
	return steal_fd(&dir);
}

void cgroups_prepare(const struct cgroups *c)
{
	struct dr_err ignored = DR_ERR_INIT;

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].used && !c->v[i].v2) {
			int fd = make_one(c, &c->v[i], NEXT, &ignored);

			cleanup_close(&fd);
		}
}

int cgroups_make(const struct cgroups *c, const char *world, int *into,
	struct dr_err *err)
{
	*into = -1;
	for (size_t i = 0; i < c->n; i++) {
		const struct hierarchy *h = &c->v[i];
		int fd;

		if (!h->used ||
			(!h->v2 && renameat(h->dir, NEXT, h->dir, world) == 0))
			continue;
		fd = make_one(c, h, world, err);
		if (fd < 0) {
			cleanup_close(into);
			return -1;
		}
		if (h->v2)
			*into = fd;
		else
			close(fd);
	}
	return 0;
}

int cgroups_join(const struct cgroups *c, const char *world, struct dr_err *err)
{
	char path[NAME_MAX + 16];

	/*
	 * Not cgroup.procs: that takes a lock of all processes, and an RCU
	 * grace period of some 20 ms with it. A single thread that moves
	 * itself needs none (cgroup_procs_write_start() in Linux 5.5 and
	 * later).
	 */
	snprintf(path, sizeof(path), "%s/tasks", world);
	for (size_t i = 0; i < c->n; i++) {
		const struct hierarchy *h = &c->v[i];

		if (h->used && !h->v2 && cgroup_write_at(h->dir, path, "0") < 0)
			return dr_err_errno(err, DR_ENGINE,
				"enter the cgroup in %s", h->point);
	}
	return 0;
}

int cgroups_remove(const struct cgroups *c, const char *world,
	struct dr_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].used && cgroup_remove(c->v[i].dir, world) < 0)
			rc = dr_err_errno(err, DR_ENGINE,
				"remove the cgroup in %s", c->v[i].point);
	return rc;
}
