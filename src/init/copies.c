#include "init/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"

int copies_add(struct copies *c, const struct copy *copy, struct dr_err *err)
{
	struct copy *grown = reallocarray(c->v, c->n + 1, sizeof(*grown));

	if (!grown)
		return dr_err_oom(err);
	c->v = grown;
	grown[c->n] = *copy;
	grown[c->n].source = strdup(copy->source);
	grown[c->n].target = strdup(copy->target);
	c->n++;
	return grown[c->n - 1].source && grown[c->n - 1].target
		? 0
		: dr_err_oom(err);
}

void copies_clear(struct copies *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].source);
		free(c->v[i].target);
	}
	free(c->v);
	*c = (struct copies){0};
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
		a->st_size == b->st_size &&
		a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
		a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
		a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int pour(int from, int to)
{
	char chunk[8192];
	ssize_t n;

	while ((n = fs_read_full(from, chunk, sizeof(chunk))) > 0)
		if (fs_write_full(to, chunk, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int take(struct copy *c, int dir, const struct stat *st)
{
	auto_close int from = openat(c->from, c->source,
		O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	auto_close int to = -1;

	/* a new file: the old one may be open in a world that is ending */
	unlinkat(dir, c->target, 0);
	c->present = false;
	if (from < 0)
		return -1;
	to = openat(dir, c->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		0600);
	if (to < 0 || pour(from, to) < 0 ||
		fchown(to, st->st_uid, st->st_gid) < 0 ||
		fchmod(to, st->st_mode & 07777) < 0)
		return -1;
	c->seen = *st;
	c->present = true;
	return 0;
}

/* Whether there is something to be copied at all */
static bool wanted(const struct copy *c, struct stat *st)
{
	if (c->links &&
		(fstatat(c->from, c->source, st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISLNK(st->st_mode)))
		return false;
	return fstatat(c->from, c->source, st, 0) == 0 && S_ISREG(st->st_mode);
}

int copies_refresh(struct copies *c, int dir, struct dr_err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		struct copy *copy = &c->v[i];
		struct stat st;

		if (!wanted(copy, &st)) {
			if (copy->present)
				unlinkat(dir, copy->target, 0);
			copy->present = false;
			continue;
		}
		if (copy->present && same(&copy->seen, &st))
			continue;
		/* gone in between: so be it */
		if (take(copy, dir, &st) < 0 && errno != ENOENT)
			return dr_err_errno(err, DR_ENGINE, "copy %s",
				copy->source);
	}
	return 0;
}
