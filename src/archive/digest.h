/* SHA-256 of files, by libcrypto. */
#ifndef DESKRUN_ARCHIVE_DIGEST_H
#define DESKRUN_ARCHIVE_DIGEST_H

#include <stdbool.h>

#include "util/err.h"

/* Lower-case hexadecimal digits and the NUL */
#define DIGEST_HEX_SIZE 65

/*
 * Of the whole file, from its first byte, wherever the descriptor stands; it
 * is left there. Blocks on reading. name stands in errors (DR_FAILED).
 */
int digest_file(int fd, const char *name, char hex[DIGEST_HEX_SIZE],
	struct dr_err *err);

/* 64 hexadecimal digits, of either case */
bool digest_is_valid(const char *hex);
/* Ignores case. */
bool digest_equal(const char *a, const char *b);

#endif
