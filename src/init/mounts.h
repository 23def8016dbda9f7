/*
 * What is mounted on the machine, and which of it a world gets.
 *
 * Pure: mountinfo text in, tables out; proc_pid_mountinfo(5).
 */
#ifndef DESKRUN_INIT_MOUNTS_H
#define DESKRUN_INIT_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "init/masks.h"
#include "util/err.h"

struct mount_entry {
	int id, parent;
	unsigned long flags; /* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC */
	char *root;	     /* of the file system, what is mounted */
	char *point;
	char *type;
	char *super; /* the file system's own options */
};

struct mount_table {
	struct mount_entry *v;
	size_t n;
};

int mount_table_parse(const char *text, struct mount_table *t,
	struct dr_err *err);
void mount_table_clear(struct mount_table *t);

/* The mount that is seen at exactly this place, or NULL. */
const struct mount_entry *mount_at(const struct mount_table *t,
	const char *point);
/* The mount that a path lies on. */
const struct mount_entry *mount_of(const struct mount_table *t,
	const char *path);

/* One part of a world's file system that is not made of nothing. */
enum base_how {
	BASE_OVERLAY,  /* an overlay of its own */
	BASE_READONLY, /* a read-only bind */
	BASE_HIDDEN,   /* nothing: its masks could not be kept */
};

struct base {
	enum base_how how;
	char *point;	     /* in the machine and in the world; "/" first */
	char *type;	     /* of the file system, for notes */
	unsigned long flags; /* mount flags to be kept */
	bool fixed; /* cannot be written by its nature: a bind loses nothing */
	bool mask;  /* a mask layer of its own stands above it */
};

struct base_list {
	struct base *v;
	size_t n;
};

/*
 * Which real file systems below "/" a world gets: not the pseudo ones, not
 * what a mask hides, not what lies below the directories that every world has
 * fresh. Directories that are exposed below a mask are bases as well. Sorted,
 * so that a base comes after the one it is mounted on.
 */
int bases_choose(const struct mount_table *t, const struct mask_list *masks,
	struct base_list *bases, struct dr_err *err);
void base_list_clear(struct base_list *bases);
/* The deepest base that holds the path; with strictly, not at its point. */
struct base *base_of(const struct base_list *bases, const char *path,
	bool strictly);

#define auto_mount_table __attribute__((cleanup(mount_table_clear)))

#endif
