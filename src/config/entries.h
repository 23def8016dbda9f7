/* Effective settings with their origin, for "config show" and for places. */
#ifndef DESKRUN_CONFIG_ENTRIES_H
#define DESKRUN_CONFIG_ENTRIES_H

#include "config/config.h"

struct config_entry {
	char *path;
	char *value;	  /* for people */
	int line, column; /* of the value; 0 is a default */
};

/* Copies both texts. Returns 0, or -1 without memory. */
int entries_add(struct config *config, const char *path, const char *value,
	int line, int column);
/* Gives the entry of that path another value; the same. */
int entries_change(struct config *config, const char *path, const char *value);
/* The entry of that path, or NULL; the configuration's. */
const struct config_entry *entries_find(const struct config *config,
	const char *path);

#endif
