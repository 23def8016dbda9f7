#include "init/collect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/masks.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/slot.h"
#include "util/strv.h"

/* Bytes of one world's log */
#define LOG_MAX (64 * 1024 * 1024)
/* Files of which it is made: a Worker writes one, a job could write many */
#define LOG_FILES 8
/* Worlds whose logs are kept */
#define LOGS_KEPT 50

static DIR *open_dir(int at, const char *path)
{
	int fd = fs_open_beneath(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		0);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		cleanup_close(&fd);
	return dir;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Their names have the time in them: the Worker's own comes first. */
static char **list_logs(int dir_fd)
{
	auto_closedir DIR *dir = open_dir(dir_fd, "_diag");
	char **names = NULL;
	struct dirent *e;

	while (dir && strv_len(names) < LOG_FILES && (e = readdir(dir)))
		if (pattern_matches("Worker_*.log", e->d_name))
			strv_add(&names, e->d_name);
	if (names)
		qsort(names, strv_len(names), sizeof(*names), by_name);
	return names;
}

static int append(int dir_fd, const char *name, int to, uint64_t *left)
{
	char path[NAME_MAX + 16], chunk[8192];
	auto_close int from = -1;
	struct stat st;

	snprintf(path, sizeof(path), "_diag/%s", name);
	/* O_NONBLOCK: it could be a FIFO until fstat(2) says otherwise */
	from = fs_open_beneath(dir_fd, path,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	while (*left > 0) {
		size_t want = *left < sizeof(chunk) ? *left : sizeof(chunk);
		ssize_t n = fs_read_full(from, chunk, want);

		if (n <= 0)
			return 0;
		if (fs_write_full(to, chunk, (size_t)n) < 0)
			return -1;
		*left -= (uint64_t)n;
	}
	return 0;
}

static bool older(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec < b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* Removes the oldest log if there are more than are kept. */
static bool prune_one(int jobs)
{
	auto_closedir DIR *dir = open_dir(jobs, ".");
	char name[NAME_MAX + 1] = "";
	struct stat oldest = {0};
	struct dirent *e;
	size_t count = 0;

	while (dir && (e = readdir(dir))) {
		struct stat st;

		if (fstatat(jobs, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode))
			continue;
		if (count++ > 0 && !older(&st, &oldest))
			continue;
		oldest = st;
		snprintf(name, sizeof(name), "%s", e->d_name);
	}
	return count > LOGS_KEPT && unlinkat(jobs, name, 0) == 0;
}

static int open_jobs(int slot_fd, struct dr_err *err)
{
	int fd;

	if ((mkdirat(slot_fd, SLOT_LOGS, 0755) < 0 && errno != EEXIST) ||
		(mkdirat(slot_fd, SLOT_LOG_JOBS, 0700) < 0 && errno != EEXIST))
		return dr_err_errno(err, DR_FAILED, "create %s", SLOT_LOG_JOBS);
	fd = openat(slot_fd, SLOT_LOG_JOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return dr_err_errno(err, DR_FAILED, "open %s", SLOT_LOG_JOBS);
	return fd;
}

int collect_log(int slot_fd, int dir_fd, const char *world, struct dr_err *err)
{
	auto_strv char **names = list_logs(dir_fd);
	auto_close int jobs = -1;
	auto_close int to = -1;
	uint64_t left = LOG_MAX;
	char file[NAME_MAX + 1];

	if (!names)
		return 0;
	jobs = open_jobs(slot_fd, err);
	if (jobs < 0)
		return -1;
	snprintf(file, sizeof(file), "%s.log", world);
	to = openat(jobs, file,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return dr_err_errno(err, DR_FAILED, "create %s", file);
	for (char **n = names; *n; n++)
		if (append(dir_fd, *n, to, &left) < 0)
			return dr_err_errno(err, DR_FAILED, "write %s", file);
	while (prune_one(jobs))
		;
	return 0;
}
