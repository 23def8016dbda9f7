#include "init/mask_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "init/overlay.h"
#include "util/cleanup.h"
#include "util/fs.h"

/* Largest shadow file, bytes */
#define SHADOW_MAX (4 * 1024 * 1024)

int shadow_clean(const char *text, struct dr_buf *out)
{
	while (*text) {
		size_t line = strcspn(text, "\n");
		size_t name = strcspn(text, ":");

		if (name < line) {
			size_t password = strcspn(text + name + 1, ":\n");
			size_t rest = name + 1 + password;

			dr_buf_add(out, text, name + 1);
			dr_buf_addstr(out, "*");
			dr_buf_add(out, text + rest, line - rest);
			dr_buf_addstr(out, "\n");
		}
		/* a line without fields could be anything: left out */
		text += line + (text[line] == '\n');
	}
	return out->failed ? -1 : 0;
}

static int make_opaque(int fd, struct dr_err *err)
{
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return dr_err_errno(err, DR_ENGINE,
			"mask layer: tmpfs takes no trusted attributes "
			"(CONFIG_TMPFS_XATTR)");
	return 0;
}

/*
 * Opens a directory of the layer, made if need be; the machine's directory of
 * that path, where there is one, gives its attributes.
 */
static int enter(int parent, const char *name, const char *real,
	struct dr_err *err)
{
	auto_close int from = -1;
	auto_close int fd = -1;
	bool made = mkdirat(parent, name, 0755) == 0;

	if (!made && errno != EEXIST)
		return dr_err_errno(err, DR_ENGINE, "mask layer: %s", real);
	fd = openat(parent, name,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return dr_err_errno(err, DR_ENGINE, "mask layer: %s", real);
	from = made ? open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (from >= 0 && attributes_copy(from, fd) < 0)
		return dr_err_errno(err, DR_ENGINE,
			"mask layer: attributes of %s", real);
	return steal_fd(&fd);
}

/* Opens the layer's directory in which the last component of path is. */
static int enter_parent(int dir, struct base_list *bases, struct base *b,
	const char *path, struct dr_err *err)
{
	size_t at = strcmp(b->point, "/") == 0 ? 0 : strlen(b->point);
	auto_free char *copy = strdup(path);
	char layer[24];
	int fd;

	if (!copy)
		return dr_err_oom(err);
	snprintf(layer, sizeof(layer), "%zu", (size_t)(b - bases->v));
	b->mask = true;
	b->how = BASE_OVERLAY;
	fd = enter(dir, layer, b->point, err);
	while (fd >= 0) {
		size_t len = strcspn(copy + at + 1, "/");
		int next;

		if (copy[at + 1 + len] == '\0')
			break;
		copy[at + 1 + len] = '\0';
		next = enter(fd, copy + at + 1, copy, err);
		copy[at + 1 + len] = '/';
		close(fd);
		fd = next;
		at += 1 + len;
	}
	return fd;
}

static int put_dir(int parent, const struct mask *m, struct dr_err *err)
{
	const char *name = strrchr(m->path, '/') + 1;
	auto_close int fd = enter(parent, name, m->path, err);

	if (fd < 0)
		return -1;
	if (m->kind == MASK_EMPTY &&
		(fchown(fd, m->uid, m->gid) < 0 || fchmod(fd, m->mode) < 0))
		return dr_err_errno(err, DR_ENGINE, "mask layer: %s", m->path);
	/* what is revealed gets an overlay of its own there */
	return make_opaque(fd, err);
}

/* overlayfs.rst: a character device 0/0 says that there is nothing */
static int put_whiteout(int parent, const struct mask *m, struct dr_err *err)
{
	if (mknodat(parent, strrchr(m->path, '/') + 1, S_IFCHR, makedev(0, 0)) <
			0 &&
		errno != EEXIST)
		return dr_err_errno(err, DR_ENGINE, "mask layer: hide %s",
			m->path);
	return 0;
}

static int put_file(int parent, const struct mask *m, const struct stat *st,
	const struct dr_buf *text, struct dr_err *err)
{
	auto_close int fd = openat(parent, strrchr(m->path, '/') + 1,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || fs_write_full(fd, text->data, text->len) < 0 ||
		fchown(fd, st->st_uid, st->st_gid) < 0 ||
		fchmod(fd, st->st_mode & 07777) < 0)
		return dr_err_errno(err, DR_ENGINE, "mask layer: copy %s",
			m->path);
	return 0;
}

static int put_copy(int parent, const struct mask *m, struct dr_err *err)
{
	auto_buf struct dr_buf text, clean;
	struct stat st;

	dr_buf_init(&text, SHADOW_MAX);
	dr_buf_init(&clean, SHADOW_MAX + SHADOW_MAX / 2);
	if (stat(m->path, &st) < 0)
		return dr_err_errno(err, DR_ENGINE, "mask layer: %s", m->path);
	if (fs_read(AT_FDCWD, m->path, &text, err) < 0)
		return dr_err_prefix(err, "mask layer");
	if (m->kind == MASK_COPY)
		return put_file(parent, m, &st, &text, err);
	if (shadow_clean(text.data, &clean) < 0)
		return dr_err_oom(err);
	return put_file(parent, m, &st, &clean, err);
}

static int put(int parent, const struct mask *m, struct dr_err *err)
{
	struct stat st;

	switch (m->kind) {
	case MASK_EMPTY:
	case MASK_REVEAL:
		return put_dir(parent, m, err);
	case MASK_CLEANED:
	case MASK_COPY:
		return put_copy(parent, m, err);
	case MASK_HIDE:
		break;
	}
	if (lstat(m->path, &st) == 0 && S_ISDIR(st.st_mode))
		return put_dir(parent, m, err);
	return put_whiteout(parent, m, err);
}

/* Below a mask there is nothing left to hide. */
static bool redundant(const struct mask_list *masks, const struct mask *m)
{
	auto_free char *parent = strdup(m->path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!slash || (m->kind != MASK_HIDE && m->kind != MASK_CLEANED))
		return false;
	*slash = '\0';
	return masks_hide(masks, *parent ? parent : "/");
}

int mask_layer_build(int dir, struct base_list *bases,
	const struct mask_list *masks, struct dr_err *err)
{
	for (size_t i = 0; i < masks->n; i++) {
		const struct mask *m = &masks->v[i];
		auto_close int parent = -1;
		struct base *b;

		if (redundant(masks, m))
			continue;
		b = base_of(bases, m->path, m->kind == MASK_REVEAL);
		if (!b)
			return dr_err_set(err, DR_ENGINE,
				"mask layer: %s is nowhere", m->path);
		parent = enter_parent(dir, bases, b, m->path, err);
		if (parent < 0 || put(parent, m, err) < 0)
			return -1;
	}
	return 0;
}

char *mask_layer_place(int dir, struct base_list *bases, const char *path,
	struct dr_err *err)
{
	struct base *b = base_of(bases, path, true);
	auto_close int parent = -1;
	char *out;

	if (!b) {
		dr_err_set(err, DR_ENGINE, "mask layer: %s is nowhere", path);
		return NULL;
	}
	parent = enter_parent(dir, bases, b, path, err);
	if (parent < 0)
		return NULL;
	if (asprintf(&out, "%zu%s", (size_t)(b - bases->v),
		    strcmp(b->point, "/") == 0 ? path
					       : path + strlen(b->point)) < 0) {
		dr_err_oom(err);
		return NULL;
	}
	return out;
}
