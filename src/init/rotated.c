#include "init/rotated.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"

static int open_file(struct rotated *r, struct dr_err *err)
{
	struct stat st;
	char last = '\n';

	r->fd = openat(r->dir_fd, r->name,
		O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->fd < 0 || fstat(r->fd, &st) < 0)
		return dr_err_errno(err, DR_FAILED, "open %s", r->name);
	r->size = (uint64_t)st.st_size;
	/* a supervisor that was killed may have left half a line */
	if (st.st_size > 0 && pread(r->fd, &last, 1, st.st_size - 1) != 1)
		return dr_err_errno(err, DR_FAILED, "read %s", r->name);
	r->torn = last != '\n';
	return 0;
}

int rotated_open(struct rotated *r, int dir_fd, const char *name,
	struct dr_err *err)
{
	*r = (struct rotated){
		.dir_fd = dir_fd,
		.name = name,
		.fd = -1,
		.max = ROTATED_MAX,
	};
	return open_file(r, err);
}

void rotated_close(struct rotated *r)
{
	cleanup_close(&r->fd);
}

bool rotated_full(const struct rotated *r, size_t len)
{
	return r->size > 0 && r->size + len > r->max;
}

int rotated_rotate(struct rotated *r, struct dr_err *err)
{
	char old[NAME_MAX + 1];

	snprintf(old, sizeof(old), "%s.1", r->name);
	if (renameat(r->dir_fd, r->name, r->dir_fd, old) < 0)
		return dr_err_errno(err, DR_FAILED, "rotate %s", r->name);
	rotated_close(r);
	return open_file(r, err);
}

int rotated_append(struct rotated *r, const void *data, size_t len,
	struct dr_err *err)
{
	if (r->fd < 0 && open_file(r, err) < 0)
		return -1;
	if (r->torn && fs_write_full(r->fd, "\n", 1) < 0)
		return dr_err_errno(err, DR_FAILED, "write %s", r->name);
	r->torn = true;
	if (fs_write_full(r->fd, data, len) < 0)
		return dr_err_errno(err, DR_FAILED, "write %s", r->name);
	r->torn = false;
	r->size += len;
	return 0;
}
