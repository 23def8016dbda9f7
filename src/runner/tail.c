#include "runner/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/fs.h"

/* A line that is longer is printed in pieces. */
#define LINE_MAX_BYTES (64 * 1024)
/* Names appear again (rotation) without an event that can be relied upon. */
#define RECHECK_MS 1000

struct file {
	char *path;
	char *prefix;
	int fd;
	struct dr_buf partial;
};

struct tail {
	int dirfd;
	int inotify;
	int64_t lines;
	struct file *files;
	size_t n;
};

struct tail *tail_new(int dirfd, int64_t lines)
{
	struct tail *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->dirfd = dirfd;
	t->lines = lines;
	t->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return t;
}

void tail_free(struct tail *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->files[i].path);
		free(t->files[i].prefix);
		cleanup_close(&t->files[i].fd);
		dr_buf_clear(&t->files[i].partial);
	}
	free(t->files);
	cleanup_close(&t->inotify);
	free(t);
}

int tail_add(struct tail *t, const char *path, const char *prefix,
	struct dr_err *err)
{
	struct file *grown = reallocarray(t->files, t->n + 1, sizeof(*grown));
	struct file f = {.fd = -1};

	if (!grown)
		return dr_err_oom(err);
	t->files = grown;
	f.path = strdup(path);
	f.prefix = prefix ? strdup(prefix) : NULL;
	dr_buf_init(&f.partial, LINE_MAX_BYTES);
	t->files[t->n++] = f;
	return f.path && (f.prefix || !prefix) ? 0 : dr_err_oom(err);
}

static void print_line(const struct file *f, const char *line, size_t len,
	FILE *to)
{
	if (f->prefix)
		fputs(f->prefix, to);
	fwrite(line, 1, len, to);
	fputc('\n', to);
}

static void feed(struct file *f, const char *data, size_t len, FILE *to)
{
	const char *end = data + len, *nl;

	while ((nl = memchr(data, '\n', (size_t)(end - data)))) {
		dr_buf_add(&f->partial, data, (size_t)(nl - data));
		print_line(f, f->partial.data, f->partial.len, to);
		dr_buf_reset(&f->partial);
		data = nl + 1;
	}
	if (dr_buf_add(&f->partial, data, (size_t)(end - data)) < 0) {
		print_line(f, f->partial.data, f->partial.len, to);
		dr_buf_reset(&f->partial);
	}
}

/* Where the last lines begin. */
static off_t last_lines(int fd, int64_t lines)
{
	char chunk[4096];
	off_t at = lseek(fd, 0, SEEK_END);
	bool last = true; /* a line end at the end begins no line */

	while (at > 0 && lines >= 0) {
		size_t want = at < (off_t)sizeof(chunk) ? (size_t)at
							: sizeof(chunk);
		ssize_t n = pread(fd, chunk, want, at - (off_t)want);

		if (n <= 0)
			return 0;
		for (ssize_t i = n - 1; i >= 0; i--) {
			if (chunk[i] == '\n' && !last && --lines <= 0)
				return at - n + i + 1;
			last = false;
		}
		at -= n;
	}
	return 0;
}

static int open_file(struct tail *t, struct file *f, bool first)
{
	char path[PATH_MAX];

	f->fd = fs_open_beneath(t->dirfd, f->path,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (f->fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	inotify_add_watch(t->inotify, path, IN_MODIFY | IN_MOVE_SELF);
	if (first && t->lines == 0)
		lseek(f->fd, 0, SEEK_END);
	else if (first && t->lines > 0)
		lseek(f->fd, last_lines(f->fd, t->lines), SEEK_SET);
	return 0;
}

/* Whether the name stands for another file now. */
static bool rotated(const struct tail *t, const struct file *f)
{
	struct stat here, there;

	return fstat(f->fd, &here) == 0 &&
		fstatat(t->dirfd, f->path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		(here.st_ino != there.st_ino || here.st_dev != there.st_dev);
}

static int print_rest(struct file *f, FILE *to, struct dr_err *err)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(f->fd, chunk, sizeof(chunk))) > 0)
		feed(f, chunk, (size_t)n, to);
	if (n < 0 && errno != EAGAIN)
		return dr_err_errno(err, DR_FAILED, "read %s", f->path);
	return 0;
}

int tail_print(struct tail *t, FILE *to, struct dr_err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		struct file *f = &t->files[i];

		if (f->fd < 0 && open_file(t, f, true) < 0)
			continue;
		if (print_rest(f, to, err) < 0)
			return -1;
		if (!rotated(t, f))
			continue;
		/* what was written between the two looks */
		if (print_rest(f, to, err) < 0)
			return -1;
		cleanup_close(&f->fd);
		if (open_file(t, f, false) == 0 && print_rest(f, to, err) < 0)
			return -1;
	}
	if (fflush(to) != 0)
		return dr_err_errno(err, DR_FAILED, "write");
	return 0;
}

void tail_wait(struct tail *t)
{
	struct pollfd p = {.fd = t->inotify, .events = POLLIN};
	char events[4096];

	if (poll(&p, 1, RECHECK_MS) > 0)
		while (read(t->inotify, events, sizeof(events)) > 0)
			;
}
