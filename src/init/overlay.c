#include "init/overlay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/cleanup.h"

char *overlay_escape(const char *path)
{
	char *out = malloc(2 * strlen(path) + 1);
	char *o = out;

	for (; out && *path; path++) {
		if (strchr(":,\\", *path))
			*o++ = '\\';
		*o++ = *path;
	}
	if (out)
		*o = '\0';
	return out;
}

/* What the kernel has to say about a failed fsconfig(2); it is often nothing */
static void add_reason(int fs, struct dr_err *err)
{
	size_t len = strlen(err->msg);
	char text[256];
	ssize_t n;

	/* "e overlay: …": a level, a space, a line */
	n = read(fs, text, sizeof(text) - 1);
	if (n <= 2)
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	snprintf(err->msg + len, sizeof(err->msg) - len, " (%s)", text + 2);
}

static int set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
		key, value, 0);
}

static int configure(int fs, const struct overlay *o)
{
	if (set(fs, "source", "overlay") < 0 ||
		set(fs, "lowerdir", o->lower) < 0 ||
		set(fs, "upperdir", o->upper) < 0 ||
		set(fs, "workdir", o->work) < 0 ||
		set(fs, "index", "off") < 0 || set(fs, "metacopy", "off") < 0 ||
		set(fs, "redirect_dir", o->lasting ? "off" : "on") < 0)
		return -1;
	if (!o->lasting && set(fs, "volatile", NULL) < 0)
		return -1;
	/* one file system's inode numbers where they fit; else the default */
	set(fs, "xino", "auto");
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

int overlay_open(const struct overlay *o, struct dr_err *err)
{
	auto_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return dr_err_errno(err, DR_ENGINE,
			"overlay file system (CONFIG_OVERLAY_FS)");
	if (configure(fs, o) < 0) {
		dr_err_errno(err, DR_ENGINE, "overlay on %s", o->upper);
		add_reason(fs, err);
		return -1;
	}
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		return dr_err_errno(err, DR_ENGINE, "overlay on %s", o->upper);
	return fd;
}

static int xattrs_copy(int from, int to)
{
	char names[4096], value[4096];
	ssize_t len = flistxattr(from, names, sizeof(names));

	if (len < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (char *n = names; n < names + len; n += strlen(n) + 1) {
		ssize_t size;

		/* an overlay's own marks are not the directory's */
		if (strncmp(n, "trusted.", 8) == 0)
			continue;
		size = fgetxattr(from, n, value, sizeof(value));
		if (size < 0 && errno == ENODATA)
			continue;
		if (size < 0 ||
			(fsetxattr(to, n, value, (size_t)size, 0) < 0 &&
				errno != ENOTSUP))
			return -1;
	}
	return 0;
}

int attributes_copy(int from, int to)
{
	struct stat st;

	/* chown(2) clears mode bits, so the mode comes after */
	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
		fchmod(to, st.st_mode & 07777) < 0)
		return -1;
	return xattrs_copy(from, to);
}
