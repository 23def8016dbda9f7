/*
 * What a job must not see of the machine it runs on.
 *
 * A list of paths, made from a table of well-known secrets, the accounts of
 * the machine and the slot's specification; the mask layer is built from it.
 */
#ifndef DESKRUN_INIT_MASKS_H
#define DESKRUN_INIT_MASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/err.h"
#include "util/slot.h"

enum mask_kind {
	MASK_HIDE,    /* nothing, or an empty directory, is there */
	MASK_EMPTY,   /* an empty directory with this owner and mode */
	MASK_CLEANED, /* a copy whose password fields say "*" */
	MASK_COPY,   /* a file that is exposed though its directory is masked */
	MASK_REVEAL, /* a directory of that sort */
};

struct mask {
	enum mask_kind kind;
	char *path; /* absolute; no link in it once resolved */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool builtin; /* may be exposed */
};

struct mask_list {
	struct mask *v;
	size_t n;
};

/*
 * Pure: everything that is to be masked, with names as they are written; the
 * last component may hold one "*". passwd is the text of
 * /etc/passwd (may be empty).
 */
int masks_choose(const struct slot_spec *spec, const char *passwd,
	struct mask_list *out, struct dr_err *err);

/* Expands patterns and resolves links; what cannot exist is left out. */
int masks_resolve(const struct mask_list *in, struct mask_list *out,
	struct dr_err *err);

/*
 * Pure: takes out what is exposed, adds MASK_REVEAL for what is exposed below
 * a mask that stays, and sorts. expose holds resolved paths. What was not
 * built in stays whatever is exposed: those are our own secrets.
 */
int masks_expose(struct mask_list *masks, char *const *expose,
	struct dr_err *err);

/* Whether the deepest entry at or above the path hides it. */
bool masks_hide(const struct mask_list *masks, const char *path);

int mask_list_add(struct mask_list *masks, const struct mask *mask,
	struct dr_err *err);
void mask_list_clear(struct mask_list *masks);

/* Whether a name fits a pattern with at most one "*". (Not fnmatch(3): in a
 * static program it brings the locales' collation along.) */
bool pattern_matches(const char *pattern, const char *name);
/* Whether path is dir or lies below it, by components. */
bool path_within(const char *path, const char *dir);
/*
 * The path without links: realpath(3) of as much as exists, and the rest.
 * To be freed; NULL with errno.
 */
char *path_resolve(const char *path);

#define auto_mask_list __attribute__((cleanup(mask_list_clear)))

#endif
