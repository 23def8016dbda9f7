#include "init/cgroup_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fs.h"

/* How long a cgroup may stay busy after its last process was reaped */
#define DYING_MS 1000

static int read_text(int fd, char *text, size_t size)
{
	auto_close int owned = fd;
	ssize_t n;

	if (fd < 0 || (n = fs_read_full(owned, text, size - 1)) < 0)
		return -1;
	text[n] = '\0';
	return 0;
}

int cgroup_read(const char *dir, const char *file, char *text, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return read_text(open(path, O_RDONLY | O_CLOEXEC), text, size);
}

int cgroup_read_at(int dir, const char *file, char *text, size_t size)
{
	return read_text(openat(dir, file, O_RDONLY | O_CLOEXEC), text, size);
}

int cgroup_write_at(int dir, const char *file, const char *text)
{
	auto_close int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	/* a cgroup file takes its value in one write */
	return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -1;
}

/* The name of some directory below, or NULL. */
static char *first_child(int fd)
{
	auto_closedir DIR *dir = NULL;
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;

	if (own < 0 || !(dir = fdopendir(own))) {
		cleanup_close(&own);
		return NULL;
	}
	while ((e = readdir(dir)))
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 &&
			strcmp(e->d_name, "..") != 0)
			return strdup(e->d_name);
	return NULL;
}

/*
 * Version 2 tells when a cgroup has emptied (cgroup.events becomes readable
 * with POLLPRI); version 1 has no such thing.
 */
static void wait_for_change(int parent, const char *name, int ms)
{
	char path[NAME_MAX + 16], text[256];
	auto_close int fd = -1;
	struct pollfd p = {.events = POLLPRI};

	snprintf(path, sizeof(path), "%s/cgroup.events", name);
	fd = openat(parent, path, O_RDONLY | O_CLOEXEC);
	/* what was read is what poll(2) compares with */
	if (fd < 0 || read(fd, text, sizeof(text)) < 0) {
		poll(NULL, 0, ms < 5 ? ms : 5);
		return;
	}
	p.fd = fd;
	poll(&p, 1, ms < 50 ? ms : 50);
}

/* Goes down to a cgroup with none below, and removes that one. */
static int remove_leaf(int dir, const char *name, bool *top)
{
	auto_close int parent = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	auto_free char *leaf = strdup(name);
	uint64_t until = clock_mono_ns() + DYING_MS * UINT64_C(1000000);

	*top = true;
	while (parent >= 0 && leaf) {
		int fd = openat(parent, leaf,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		char *child;

		if (fd < 0)
			return errno == ENOENT ? 0 : -1;
		child = first_child(fd);
		if (!child) {
			close(fd);
			break;
		}
		*top = false;
		close(parent);
		free(leaf);
		parent = fd;
		leaf = child;
	}
	while (leaf && unlinkat(parent, leaf, AT_REMOVEDIR) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || clock_mono_ns() > until)
			return -1;
		wait_for_change(parent, leaf, DYING_MS);
	}
	return leaf ? 0 : -1;
}

int cgroup_remove(int dir, const char *name)
{
	bool top = false;

	while (!top)
		if (remove_leaf(dir, name, &top) < 0)
			return -1;
	return 0;
}

void cgroup_remove_below(int dir)
{
	auto_free char *child = NULL;

	while ((child = first_child(dir))) {
		if (cgroup_remove(dir, child) < 0)
			return;
		cleanup_free(&child);
	}
}

void cgroup_remove_self(int dir)
{
	char link[32], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return;
	path[n] = '\0';
	/* and the one above, unless another runner is in it */
	if (rmdir(path) == 0) {
		*strrchr(path, '/') = '\0';
		rmdir(path);
	}
}
