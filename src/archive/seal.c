#include "archive/extract.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"

struct sealing {
	int root;
	mode_t mode; /* that directories get */
	bool check_links;
	char path[UNPACK_NAME_MAX + NAME_MAX + 2]; /* of what is looked at */
};

/*
 * The kernel follows the whole chain of links, and refuses to go above the
 * root: a link's text alone does not tell where it leads.
 */
static int check_link(const struct sealing *s, struct dr_err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	auto_close int fd = -1;

	/* A rename or mount anywhere on the machine meanwhile leaves the
	 * kernel unsure about a "..": EAGAIN, openat2(2). */
	do
		fd = (int)syscall(SYS_openat2, s->root, s->path, &how,
			sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	/* One that dangles in a read-only tree leads nowhere. */
	if (fd >= 0 || errno == ENOENT)
		return 0;
	if (errno == EXDEV)
		return dr_err_set(err, DR_FAILED,
			"member %.200s: a symbolic link that leads out of the "
			"archive",
			s->path);
	return dr_err_errno(err, DR_FAILED, "member %.200s", s->path);
}

static int seal_directory(struct sealing *s, size_t len, struct dr_err *err);

static int seal_entry(struct sealing *s, size_t len, const char *name,
	struct dr_err *err)
{
	size_t room = sizeof(s->path) - len;
	struct stat st;
	int n;

	n = snprintf(s->path + len, room, "%s%s", len ? "/" : "", name);
	if (n < 0 || (size_t)n >= room)
		return dr_err_set(err, DR_FAILED, "%.200s: too long a name",
			s->path);
	if (fstatat(s->root, s->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dr_err_errno(err, DR_FAILED, "%.200s", s->path);
	if (S_ISLNK(st.st_mode) && s->check_links)
		return check_link(s, err);
	if (S_ISDIR(st.st_mode))
		return seal_directory(s, len + (size_t)n, err);
	return 0;
}

/* s->path has the directory's name in its first len bytes. */
static int seal_directory(struct sealing *s, size_t len, struct dr_err *err)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	int fd = fs_open_beneath(s->root, len ? s->path : ".",
		O_RDONLY | O_DIRECTORY, 0);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		dr_err_errno(err, DR_FAILED, "%.200s", s->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 ||
			strcmp(entry->d_name, "..") == 0)
			continue;
		if (seal_entry(s, len, entry->d_name, err) < 0)
			return -1;
		s->path[len] = '\0';
	}
	if (errno || fchmod(dirfd(dir), s->mode) < 0)
		return dr_err_errno(err, DR_FAILED, "%.200s", s->path);
	return 0;
}

int extract_seal(int dirfd, struct dr_err *err)
{
	struct sealing s = {.root = dirfd, .mode = 0555, .check_links = true};

	if (seal_directory(&s, 0, err) < 0)
		return -1;
	/* One for the file system, in place of one for each of thousands. */
	if (syncfs(dirfd) < 0)
		return dr_err_errno(err, DR_FAILED, "sync");
	return 0;
}

void extract_unseal(int dirfd)
{
	struct sealing s = {.root = dirfd, .mode = 0755};
	struct dr_err ignored = DR_ERR_INIT;

	seal_directory(&s, 0, &ignored);
}
