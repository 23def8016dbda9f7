/*
 * The mask layer: what stands above the machine's file systems in a world.
 *
 * Directories "0", "1", … on the ground's tmpfs, one for each base. It must
 * not be on a base's own file system: the kernel refuses an overlay one of
 * whose lower layers lies within another (ELOOP).
 */
#ifndef DESKRUN_INIT_MASK_LAYER_H
#define DESKRUN_INIT_MASK_LAYER_H

#include "init/masks.h"
#include "init/mounts.h"
#include "util/buf.h"
#include "util/err.h"

/* Builds it below dir (the tmpfs); marks the bases that got a layer. */
int mask_layer_build(int dir, struct base_list *bases,
	const struct mask_list *masks, struct dr_err *err);

/*
 * Makes room for a file at a path of the world: its parents in the layer of
 * its base. Returns its name relative to dir, to be freed, or NULL.
 */
char *mask_layer_place(int dir, struct base_list *bases, const char *path,
	struct dr_err *err);

/* shadow(5) or gshadow(5) with "*" for each password. Pure. */
int shadow_clean(const char *text, struct dr_buf *out);

#endif
