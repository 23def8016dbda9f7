#include "archive/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"

enum kind {
	TREE_DIRECTORY,
	TREE_PROGRAM, /* a regular file that may be executed */
	TREE_ABSENT,
};

static const struct {
	const char *path;
	enum kind kind;
} layout[] = {
	{"bin", TREE_DIRECTORY},
	{"externals", TREE_DIRECTORY},
	{"config.sh", TREE_PROGRAM},
	/* started directly: run.sh hides its exit code */
	{"bin/Runner.Listener", TREE_PROGRAM},
	/* what the shim takes the place of */
	{"bin/Runner.Worker", TREE_PROGRAM},
	/* the state of a runner that was configured */
	{".runner", TREE_ABSENT},
	{".credentials", TREE_ABSENT},
};

static bool is_kind(const struct stat *st, enum kind kind)
{
	if (kind == TREE_DIRECTORY)
		return S_ISDIR(st->st_mode);
	return kind == TREE_PROGRAM && S_ISREG(st->st_mode) &&
		(st->st_mode & 0111);
}

/* No symlinks: through one, the runner finds the wrong root directory. */
static int check(int dirfd, const char *path, enum kind kind,
	struct dr_err *err)
{
	auto_close int fd = fs_open_beneath(dirfd, path, O_PATH | O_NOFOLLOW,
		0);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		if (kind == TREE_ABSENT)
			return 0;
		return dr_err_set(err, DR_FAILED, "%s is not there", path);
	}
	if (kind == TREE_ABSENT)
		return dr_err_set(err, DR_FAILED,
			"%s is there: this runner was used before", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return dr_err_errno(err, DR_FAILED, "%s", path);
	if (!is_kind(&st, kind))
		return dr_err_set(err, DR_FAILED, "%s is no %s", path,
			kind == TREE_DIRECTORY ? "directory" : "program");
	return 0;
}

int tree_check(int dirfd, const char *name, struct dr_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(layout); i++) {
		if (check(dirfd, layout[i].path, layout[i].kind, err) < 0)
			return dr_err_prefix(err,
				"%s is not a runner that can be driven", name);
	}
	return 0;
}
