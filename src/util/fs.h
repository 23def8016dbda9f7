/*
 * Files, as a program needs them that shares directories with jobs.
 *
 * What a job could have touched is opened with fs_open_beneath(), which
 * follows nothing and leaves the directory never. Sources: openat2(2),
 * fcntl_locking(2), rename(2).
 */
#ifndef DESKRUN_UTIL_FS_H
#define DESKRUN_UTIL_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

/*
 * openat2(2) with RESOLVE_BENEATH, NO_SYMLINKS, NO_MAGICLINKS and NO_XDEV,
 * always O_CLOEXEC. Returns a descriptor, or -1 with errno.
 */
int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* Creates the directories of an absolute path, each with this mode. */
int fs_mkdir_p(const char *path, mode_t mode, struct dr_err *err);

/*
 * Adds the file's bytes to buf, up to its maximum (more is an error).
 * Follows symlinks: for what the operator names. dirfd as in openat(2).
 * DR_NOT_FOUND when it does not exist.
 */
int fs_read(int dirfd, const char *path, struct dr_buf *buf,
	struct dr_err *err);
/* The same by fs_open_beneath(), for what a job could have touched. */
int fs_read_beneath(int dirfd, const char *path, struct dr_buf *buf,
	struct dr_err *err);

/*
 * Replaces dir/name by a temporary sibling and rename(2): a reader sees the
 * old bytes or the new ones. name has no slash. Does not sync.
 */
int fs_write_atomic(int dirfd, const char *name, const void *data, size_t len,
	mode_t mode, struct dr_err *err);

/*
 * An exclusive lock on dir/name, which is created when absent and then
 * holds the text given by holder ("1234 deskrun-runner start"). Does not
 * block. Returns the descriptor that keeps the lock, or -1: DR_BUSY with the
 * holder's text in the message when somebody else has it.
 */
int fs_lock(int dirfd, const char *name, const char *holder,
	struct dr_err *err);
/* Whether somebody holds that lock, and the text; never keeps it. */
bool fs_lock_held(int dirfd, const char *name, char *holder, size_t size);

/* What fs_remove_tree() discarded. */
struct fs_removed {
	uint64_t files; /* everything but directories */
	uint64_t dirs;
	uint64_t bytes; /* of disk, as st_blocks counts them */
};

/*
 * Removes dir/name and all below, however deep, clearing immutable and
 * append-only flags. Never follows a symlink, never enters another mount
 * (EXDEV is an error that leaves that mount alone). What is absent is
 * success. removed (may be NULL) is added to. Blocks as long as it takes.
 */
int fs_remove_tree(int dirfd, const char *name, struct fs_removed *removed,
	struct dr_err *err);

/* read(2) and write(2) until all is done; EINTR is retried. */
ssize_t fs_read_full(int fd, void *data, size_t len);
int fs_write_full(int fd, const void *data, size_t len);

#endif
