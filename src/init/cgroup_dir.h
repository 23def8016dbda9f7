/* Directories of a cgroup file system: what cgroup.c is written in. */
#ifndef DESKRUN_INIT_CGROUP_DIR_H
#define DESKRUN_INIT_CGROUP_DIR_H

#include <stddef.h>

/* One file's text, cut to size, as a string. 0, or -1 with errno. */
int cgroup_read(const char *dir, const char *file, char *text, size_t size);
int cgroup_read_at(int dir, const char *file, char *text, size_t size);
/* 0, or -1 with errno */
int cgroup_write_at(int dir, const char *file, const char *text);

/*
 * Removes a cgroup and all below it, without recursion: a job can nest them
 * as deep as it likes. Waits up to a second for processes that are still
 * dying. 0 also when it is absent; -1 with errno.
 */
int cgroup_remove(int dir, const char *name);
/* The same for everything below dir; what is busy stays. */
void cgroup_remove_below(int dir);
/* Removes an empty one by its descriptor, and its parent if that is empty. */
void cgroup_remove_self(int dir);

#endif
