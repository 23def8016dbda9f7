/* Collects what is wrong with a file, so that all of it is said at once. */
#ifndef DESKRUN_CONFIG_PROBLEMS_H
#define DESKRUN_CONFIG_PROBLEMS_H

#include "config/config.h"

/* Lack of memory is remembered in problems->failed. */
void problems_add(struct config_problems *problems, int line, int column,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* By place; what has the same place stays in the order of its finding. */
void problems_sort(struct config_problems *problems);

/*
 * What was found, fit for a message: in quotes, cut when long, without control
 * characters, and without what looks like a token. Returns out.
 */
#define FOUND_SIZE 96
const char *problems_found(const char *text, char out[FOUND_SIZE]);

/* Whether a text has the form of a token of GitHub's. */
bool problems_secret(const char *text);

#endif
