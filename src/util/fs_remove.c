/* fs_remove_tree(): what the janitor spends its life with. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"

/*
 * A directory this deep below the one that is removed is moved up beside it
 * first, so that a job's 100,000 nested directories cost neither descriptors
 * nor stack.
 */
#define MAX_DEPTH 48

struct removal {
	int parent; /* the directory in which the top was named */
	unsigned moved;
	struct fs_removed *removed;
	struct dr_err *err;
};

static int remove_contents(struct removal *r, int fd, int depth);

/* Immutable and append-only files cannot be unlinked; ioctl_iflags(2). */
static void clear_flags(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
		(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL))) {
		flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

static int unlink_file(struct removal *r, int dirfd, const char *name,
	const struct stat *st)
{
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT) {
		auto_close int fd = -1;

		if (errno != EPERM)
			return dr_err_errno(r->err, DR_FAILED, "remove %s",
				name);
		/* either it or its directory carries a flag */
		clear_flags(dirfd);
		if (S_ISREG(st->st_mode) &&
			(fd = fs_open_beneath(dirfd, name,
				 O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)) >= 0)
			clear_flags(fd);
		if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
			return dr_err_errno(r->err, DR_FAILED, "remove %s",
				name);
	}
	r->removed->files++;
	r->removed->bytes += (uint64_t)st->st_blocks * 512u;
	return 0;
}

static void deep_name(char out[64], unsigned n)
{
	snprintf(out, 64, ".deep-%u-%d", n, (int)getpid());
}

/* Moves a directory that lies too deep beside the top, for later. */
static int move_up(struct removal *r, int dirfd, const char *name)
{
	char up[64];

	deep_name(up, r->moved);
	if (renameat2(dirfd, name, r->parent, up, RENAME_NOREPLACE) < 0)
		return dr_err_errno(r->err, DR_FAILED, "move %s", name);
	r->moved++;
	return 0;
}

static int remove_dir(struct removal *r, int dirfd, const char *name, int depth)
{
	auto_close int fd = fs_open_beneath(dirfd, name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd < 0)
		return dr_err_errno(r->err, DR_FAILED, "enter %s", name);
	clear_flags(fd);
	if (depth >= MAX_DEPTH)
		return move_up(r, dirfd, name);
	if (remove_contents(r, fd, depth + 1) < 0)
		return -1;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		clear_flags(dirfd);
		if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
			return dr_err_errno(r->err, DR_FAILED, "remove %s",
				name);
	}
	r->removed->dirs++;
	return 0;
}

static int remove_entry(struct removal *r, int dirfd, const char *name,
	int depth)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			? 0
			: dr_err_errno(r->err, DR_FAILED, "stat %s", name);
	if (S_ISDIR(st.st_mode))
		return remove_dir(r, dirfd, name, depth);
	return unlink_file(r, dirfd, name, &st);
}

/* The descriptor stays the caller's. */
static int remove_contents(struct removal *r, int fd, int depth)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *e;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (own < 0 || !(dir = fdopendir(own))) {
		dr_err_errno(r->err, DR_FAILED, "read directory");
		if (own >= 0)
			close(own);
		return -1;
	}
	while ((errno = 0, e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (remove_entry(r, fd, e->d_name, depth) < 0)
			return -1;
	}
	if (errno)
		return dr_err_errno(r->err, DR_FAILED, "read directory");
	return 0;
}

int fs_remove_tree(int dirfd, const char *name, struct fs_removed *removed,
	struct dr_err *err)
{
	struct fs_removed ignored = {0};
	struct removal r = {
		.parent = dirfd,
		.removed = removed ? removed : &ignored,
		.err = err,
	};

	char deep[64];

	if (remove_entry(&r, dirfd, name, 0) < 0)
		return -1;
	/* moved grows while what was moved is removed */
	for (unsigned i = 0; i < r.moved; i++) {
		deep_name(deep, i);
		if (remove_entry(&r, dirfd, deep, 0) < 0)
			return -1;
	}
	return 0;
}
