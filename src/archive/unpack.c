#include "archive/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/digest.h"
#include "archive/extract.h"
#include "util/cleanup.h"
#include "util/fs.h"

#define SUFFIX ".unpacking"
#define ATTEMPTS 100

static int check_digest(const struct unpack_request *r, struct dr_err *err)
{
	char hex[DIGEST_HEX_SIZE];

	if (!r->sha256)
		return 0;
	if (!digest_is_valid(r->sha256))
		return dr_err_set(err, DR_FAILED,
			"\"%.80s\" is not a SHA-256 in hexadecimal", r->sha256);
	if (digest_file(r->fd, "it", hex, err) < 0)
		return -1;
	if (!digest_equal(hex, r->sha256))
		return dr_err_set(err, DR_FAILED,
			"its SHA-256 is %s, expected is %s", hex, r->sha256);
	return 0;
}

static bool is_sibling(const char *entry, const char *name)
{
	size_t len = strlen(entry), tail = strlen(SUFFIX);

	return entry[0] == '.' && strncmp(entry + 1, name, strlen(name)) == 0 &&
		entry[1 + strlen(name)] == '.' &&
		len > tail + strlen(name) + 2 &&
		strcmp(entry + len - tail, SUFFIX) == 0;
}

static bool is_same(int fd, int dirfd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 &&
		fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*
 * The directory with its lock, -1 with EWOULDBLOCK when its process lives. A
 * process that was killed leaves the directory and takes the lock with it.
 */
static int lock_directory(int dirfd, const char *name)
{
	auto_close int fd = fs_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY,
		0);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	/* Its remover may have come between. */
	if (!is_same(fd, dirfd, name)) {
		errno = ENOENT;
		return -1;
	}
	return steal_fd(&fd);
}

static int remove_sibling(const struct unpack_request *r, const char *sibling,
	int fd, struct dr_err *err)
{
	extract_unseal(fd);
	return fs_remove_tree(r->dirfd, sibling, NULL, err);
}

static int remove_stale(const struct unpack_request *r, struct dr_err *err)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	int fd = openat(r->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		dr_err_errno(err, DR_FAILED, "directory of %s", r->name);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(dir))) {
		auto_close int lock = -1;

		if (!is_sibling(entry->d_name, r->name))
			continue;
		lock = lock_directory(r->dirfd, entry->d_name);
		if (lock >= 0 &&
			remove_sibling(r, entry->d_name, lock, err) < 0)
			return -1;
	}
	return 0;
}

/* Makes the temporary sibling; returns it locked. */
static int make_sibling(const struct unpack_request *r, char *name, size_t size,
	struct dr_err *err)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		int fd;

		snprintf(name, size, ".%.200s.%d-%d" SUFFIX, r->name,
			(int)getpid(), i);
		if (mkdirat(r->dirfd, name, 0700) == 0) {
			/* Unless a remover of stale ones was quicker. */
			fd = lock_directory(r->dirfd, name);
			if (fd >= 0)
				return fd;
		} else if (errno != EEXIST) {
			break;
		}
	}
	return dr_err_errno(err, DR_FAILED, "make a directory beside %s",
		r->name);
}

/* Returns 1 when something of that name is there by now. */
static int put_in_place(const struct unpack_request *r, const char *sibling,
	struct dr_err *err)
{
	if (renameat(r->dirfd, sibling, r->dirfd, r->name) < 0) {
		if (errno == EEXIST || errno == ENOTEMPTY)
			return 1;
		return dr_err_errno(err, DR_FAILED, "rename to %s", r->name);
	}
	if (fsync(r->dirfd) < 0)
		return dr_err_errno(err, DR_FAILED, "sync %s", r->name);
	return 0;
}

static int unpack(const struct unpack_request *r, struct dr_err *err)
{
	char sibling[NAME_MAX + 1];
	struct dr_err ignored = DR_ERR_INIT;
	auto_close int fd = -1;
	int rc;

	if (check_digest(r, err) < 0 || remove_stale(r, err) < 0)
		return -1;
	fd = make_sibling(r, sibling, sizeof(sibling), err);
	if (fd < 0)
		return -1;
	rc = extract_members(r, fd, err);
	if (rc == 0)
		rc = extract_seal(fd, err);
	if (rc == 0)
		rc = put_in_place(r, sibling, err);
	if (rc != 0)
		remove_sibling(r, sibling, fd, &ignored);
	return rc < 0 ? -1 : 0;
}

int unpack_tarball(const struct unpack_request *request, struct dr_err *err)
{
	struct stat st;

	if (fstatat(request->dirfd, request->name, &st, AT_SYMLINK_NOFOLLOW) ==
		0)
		return 0;
	if (unpack(request, err) < 0)
		return err->code == DR_INTERRUPTED
			? -1
			: dr_err_prefix(err, "unpack %s", request->archive);
	return 0;
}
