/* Which of the machine's file systems a world stands on; pure. */
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "init/mounts.h"
#include "util/cleanup.h"

/* File systems that show the kernel, not files. */
static const char *const pseudo[] = {"autofs", "binder", "binfmt_misc", "bpf",
	"cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs",
	"efivarfs", "fusectl", "hugetlbfs", "mqueue", "nfsd", "nsfs", "proc",
	"pstore", "resctrl", "rpc_pipefs", "securityfs", "selinuxfs", "smackfs",
	"sysfs", "tracefs", NULL};

/* Images that nobody can write, however they are mounted. */
static const char *const images[] = {
	"cramfs", "erofs", "iso9660", "romfs", "squashfs", NULL};

static bool is_one_of(const char *type, const char *const *types)
{
	for (; *types; types++)
		if (strcmp(type, *types) == 0)
			return true;
	return false;
}

void base_list_clear(struct base_list *bases)
{
	for (size_t i = 0; i < bases->n; i++) {
		free(bases->v[i].point);
		free(bases->v[i].type);
	}
	free(bases->v);
	*bases = (struct base_list){0};
}

static int add(struct base_list *bases, const char *point,
	const struct mount_entry *e, struct dr_err *err)
{
	struct base *grown = reallocarray(bases->v, bases->n + 1,
		sizeof(*grown));
	struct base *b;

	if (!grown)
		return dr_err_oom(err);
	bases->v = grown;
	b = &grown[bases->n++];
	*b = (struct base){
		.how = BASE_OVERLAY,
		.point = strdup(point),
		.type = strdup(e->type),
		.flags = e->flags,
		.fixed = is_one_of(e->type, images),
	};
	if (b->fixed)
		b->how = BASE_READONLY;
	return b->point && b->type ? 0 : dr_err_oom(err);
}

static bool wanted(const struct mount_table *t, const struct mask_list *masks,
	const struct mount_entry *e)
{
	return !is_one_of(e->type, pseudo) && !masks_hide(masks, e->point) &&
		mount_at(t, e->point) == e;
}

static int by_point(const void *a, const void *b)
{
	const struct base *x = a, *y = b;

	return strcmp(x->point, y->point);
}

int bases_choose(const struct mount_table *t, const struct mask_list *masks,
	struct base_list *bases, struct dr_err *err)
{
	if (!mount_at(t, "/"))
		return dr_err_set(err, DR_ENGINE,
			"mountinfo: nothing is mounted on /");
	for (size_t i = 0; i < t->n; i++)
		if (wanted(t, masks, &t->v[i]) &&
			add(bases, t->v[i].point, &t->v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < masks->n; i++) {
		const struct mask *m = &masks->v[i];
		const struct mount_entry *e = mount_of(t, m->path);

		/* a revealed mount is among them already */
		if (m->kind == MASK_REVEAL && e &&
			strcmp(e->point, m->path) != 0 &&
			!is_one_of(e->type, pseudo) &&
			add(bases, m->path, e, err) < 0)
			return -1;
	}
	qsort(bases->v, bases->n, sizeof(*bases->v), by_point);
	return 0;
}

struct base *base_of(const struct base_list *bases, const char *path,
	bool strictly)
{
	struct base *deepest = NULL;

	/* sorted: a later one that matches is a deeper one */
	for (size_t i = 0; i < bases->n; i++) {
		struct base *b = &bases->v[i];

		if (path_within(path, b->point) &&
			!(strictly && strcmp(path, b->point) == 0))
			deepest = b;
	}
	return deepest;
}
