/* Overlays that are mounted nowhere yet. */
#ifndef DESKRUN_INIT_OVERLAY_H
#define DESKRUN_INIT_OVERLAY_H

#include <stdbool.h>

#include "util/err.h"

/*
 * Options of every overlay in a world, as mount(2) takes them. Volatile, so
 * that nothing is synced at its end (Linux 5.10); redirect_dir, so that a job
 * can rename directories of the machine; the rest so that a kernel's defaults
 * do not change what a world is.
 */
#define OVERLAY_OPTIONS \
	"volatile,redirect_dir=on,index=off,metacopy=off,xino=auto"

struct overlay {
	const char *lower; /* as lowerdir=, escaped */
	const char *upper, *work;
	bool lasting; /* not volatile, and its lower layers may change
		       * between mounts: the Listener's tree */
};

/*
 * A detached mount (fsmount(2)), to be placed by move_mount(2): its
 * descriptor, close-on-exec, or -1 with DR_ENGINE and the kernel's reason.
 * Values must be shorter than 256 bytes: use /proc/self/fd/<n> in them.
 */
int overlay_open(const struct overlay *o, struct dr_err *err);

/*
 * A path as an overlay's lowerdir= takes it, with its separators escaped
 * (ovl_unescape() in the kernel). To be freed; NULL without memory.
 */
char *overlay_escape(const char *path);

/*
 * Owner, mode and extended attributes of a directory onto another: that of
 * the topmost layer is what an overlay shows. 0, or -1 with errno.
 */
int attributes_copy(int from, int to);

#endif
