/* A directory of a test's own below /tmp. */
#ifndef DESKRUN_TESTS_SCRATCH_H
#define DESKRUN_TESTS_SCRATCH_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/fs.h"

#define SCRATCH_SIZE 32

static inline int scratch_make(char path[SCRATCH_SIZE])
{
	strcpy(path, "/tmp/deskrun-test.XXXXXX");
	return mkdtemp(path) ? 0 : -1;
}

static inline int scratch_drop(const char *path)
{
	auto_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dr_err err = DR_ERR_INIT;

	return fs_remove_tree(tmp, path + strlen("/tmp/"), NULL, &err);
}

#endif
