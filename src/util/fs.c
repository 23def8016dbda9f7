#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"

int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

int fs_mkdir_p(const char *path, mode_t mode, struct dr_err *err)
{
	auto_free char *copy = strdup(path);
	struct stat st;

	if (!copy)
		return dr_err_oom(err);
	for (char *p = copy + 1;; p++) {
		char saved = *p;

		if (saved != '/' && saved != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return dr_err_errno(err, DR_FAILED,
				"create directory %s", copy);
		*p = saved;
		if (saved == '\0')
			break;
	}
	if (stat(path, &st) < 0)
		return dr_err_errno(err, DR_FAILED, "create directory %s",
			path);
	if (!S_ISDIR(st.st_mode))
		return dr_err_set(err, DR_FAILED, "%s is not a directory",
			path);
	return 0;
}

static int read_all(int fd, const char *path, struct dr_buf *buf,
	struct dr_err *err)
{
	char chunk[8192];
	ssize_t n;

	while ((n = fs_read_full(fd, chunk, sizeof(chunk))) > 0) {
		if (dr_buf_add(buf, chunk, (size_t)n) < 0)
			return dr_err_set(err, DR_FAILED,
				"%s is larger than the %zu bytes expected",
				path, buf->max);
	}
	explicit_bzero(chunk, sizeof(chunk));
	if (n < 0)
		return dr_err_errno(err, DR_FAILED, "read %s", path);
	return 0;
}

static int opened_read(int fd, const char *path, struct dr_buf *buf,
	struct dr_err *err)
{
	auto_close int owned = fd;

	if (fd < 0)
		return dr_err_errno(err,
			errno == ENOENT ? DR_NOT_FOUND : DR_FAILED, "open %s",
			path);
	return read_all(owned, path, buf, err);
}

int fs_read(int dirfd, const char *path, struct dr_buf *buf, struct dr_err *err)
{
	return opened_read(openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY),
		path, buf, err);
}

int fs_read_beneath(int dirfd, const char *path, struct dr_buf *buf,
	struct dr_err *err)
{
	int fd = fs_open_beneath(dirfd, path,
		O_RDONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0);

	return opened_read(fd, path, buf, err);
}

int fs_write_atomic(int dirfd, const char *name, const void *data, size_t len,
	mode_t mode, struct dr_err *err)
{
	char tmp[NAME_MAX + 1];
	auto_close int fd = -1;

	snprintf(tmp, sizeof(tmp), ".%.200s.%d", name, (int)getpid());
	unlinkat(dirfd, tmp, 0);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return dr_err_errno(err, DR_FAILED, "create %s", name);
	/* open(2) applied the umask */
	if (fchmod(fd, mode) < 0 || fs_write_full(fd, data, len) < 0 ||
		renameat(dirfd, tmp, dirfd, name) < 0) {
		dr_err_errno(err, DR_FAILED, "write %s", name);
		unlinkat(dirfd, tmp, 0);
		return -1;
	}
	return 0;
}

static void read_holder(int fd, char *holder, size_t size)
{
	ssize_t n = pread(fd, holder, size - 1, 0);

	holder[n > 0 ? n : 0] = '\0';
	holder[strcspn(holder, "\n")] = '\0';
}

/*
 * Open file description locks rather than flock(2): they can be looked at
 * without being taken for a moment, which would fail whoever takes one then.
 */
int fs_lock(int dirfd, const char *name, const char *holder, struct dr_err *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	auto_close int fd = openat(dirfd, name,
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char other[128];

	if (fd < 0)
		return dr_err_errno(err, DR_FAILED, "open lock %s", name);
	if (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return dr_err_errno(err, DR_FAILED, "lock %s", name);
		read_holder(fd, other, sizeof(other));
		return dr_err_set(err, DR_BUSY, "%s is held by process %s",
			name, *other ? other : "(unknown)");
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, holder, strlen(holder), 0) < 0)
		return dr_err_errno(err, DR_FAILED, "write lock %s", name);
	return steal_fd(&fd);
}

bool fs_lock_held(int dirfd, const char *name, char *holder, size_t size)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	auto_close int fd = openat(dirfd, name,
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	holder[0] = '\0';
	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &whole) < 0 ||
		whole.l_type == F_UNLCK)
		return false;
	read_holder(fd, holder, size);
	return true;
}

ssize_t fs_read_full(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int fs_write_full(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}
