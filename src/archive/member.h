/* What a member of an archive may be called, and lead to. Pure. */
#ifndef DESKRUN_ARCHIVE_MEMBER_H
#define DESKRUN_ARCHIVE_MEMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

/*
 * The name without "./", doubled and trailing slashes; "" is the root itself.
 * DR_FAILED: absolute, with "..", too long or too deep, or with control
 * characters (it will stand in messages). The error does not repeat the name.
 */
int member_clean(const char *name, char *out, size_t size, struct dr_err *err);

/*
 * Whether a symbolic link of that clean name cannot lead out by its text. Other
 * links on the way may change that: the unpacked tree has to be looked at as
 * well.
 */
bool member_link_stays(const char *name, const char *target);

/* The name for a message, with control characters replaced, and cut. */
const char *member_shown(const char *name, char *out, size_t size);

#endif
