/*
 * An extracted runner, and whether it is one that we can drive.
 *
 * The world boundary relies on a layout (see docs/DESIGN.md) that the
 * official runner has had for years and does not promise.
 */
#ifndef DESKRUN_ARCHIVE_TREE_H
#define DESKRUN_ARCHIVE_TREE_H

#include "util/err.h"

/*
 * Looks for all that is relied on, below an open directory; name stands in
 * errors. DR_FAILED names the first thing that is missing or of another kind.
 */
int tree_check(int dirfd, const char *name, struct dr_err *err);

#endif
