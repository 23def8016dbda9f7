/* Executing a plan: the only part of it that can hurt. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/plan.h"

/* A target as the job will know it */
static const char *inside(const struct step *s)
{
	const char *path = s->target + strlen(PLAN_ROOT);

	return *path ? path : "/";
}

static const char *hint(const struct step *s, int error)
{
	bool overlay = s->type && strcmp(s->type, "overlay") == 0;

	switch (error) {
	case ENODEV:
		return " (the kernel has no such file system)";
	case EPERM:
		return " (a capability is missing, or a security module "
		       "denies it)";
	case ENOENT:
	case ENOTDIR:
		return " (it was changed since the supervisor started)";
	case EINVAL:
		return overlay ? " (this file system cannot be a layer of an "
				 "overlay)"
			       : "";
	case ENOSPC:
		return " (no space, or too many mounts)";
	default:
		return "";
	}
}

static int run_mount(const struct step *s, int64_t *mounts, struct dr_err *err)
{
	if (mount(s->source ? s->source : "none", s->target, s->type, s->flags,
		    s->data) == 0) {
		*mounts += (s->flags & MS_REMOUNT) == 0;
		return 0;
	}
	if (s->optional && (errno == ENOENT || errno == ENODEV))
		return 0;
	dr_err_errno(err, DR_ENGINE, "mount %s on %s",
		s->type		    ? s->type
			: s->source ? s->source
				    : "flags",
		inside(s));
	strncat(err->msg, hint(s, err->sys_errno),
		sizeof(err->msg) - strlen(err->msg) - 1);
	return -1;
}

static int run_step(const struct step *s, const int layers[LAYER_COUNT],
	int64_t *mounts, struct dr_err *err)
{
	int rc = 0;

	switch (s->op) {
	case STEP_MOUNT:
		return run_mount(s, mounts, err);
	case STEP_PLACE:
		rc = move_mount(layers[s->layer], "", AT_FDCWD, s->target,
			MOVE_MOUNT_F_EMPTY_PATH);
		++*mounts;
		break;
	case STEP_DIR:
		rc = mkdir(s->target, s->mode);
		break;
	case STEP_NODE:
		rc = mknod(s->target, S_IFCHR | s->mode,
			makedev(s->major, s->minor));
		break;
	case STEP_LINK:
		rc = symlink(s->source, s->target);
		break;
	}
	if (rc < 0)
		return dr_err_errno(err, DR_ENGINE, "make %s", inside(s));
	return 0;
}

int plan_run(const struct plan *plan, const int layers[LAYER_COUNT],
	int64_t *mounts, struct dr_err *err)
{
	*mounts = 0;
	umask(0);
	for (size_t i = 0; i < plan->n; i++)
		if (run_step(&plan->v[i], layers, mounts, err) < 0)
			return -1;
	return 0;
}
