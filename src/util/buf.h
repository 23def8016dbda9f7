/* A growing byte buffer with a hard maximum. */
#ifndef DESKRUN_UTIL_BUF_H
#define DESKRUN_UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Invariants: data is NUL-terminated at data[len] once anything was added
 * (before that it is ""), len <= max. An addition that would exceed max, or
 * for which there is no memory, changes nothing and returns -1; the buffer
 * remembers it in failed, so that a run of additions needs one check.
 */
struct dr_buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max; /* bytes, without the NUL */
	bool failed;
};

void dr_buf_init(struct dr_buf *b, size_t max);
/* Overwrites the contents before freeing them: they may be secret. */
void dr_buf_clear(struct dr_buf *b);
/* Empties it and keeps the memory. */
void dr_buf_reset(struct dr_buf *b);
int dr_buf_add(struct dr_buf *b, const void *data, size_t len);
int dr_buf_addstr(struct dr_buf *b, const char *s);
int dr_buf_addf(struct dr_buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Hands over the text, to be freed; NULL when the buffer failed. */
char *dr_buf_steal(struct dr_buf *b);

#define auto_buf __attribute__((cleanup(dr_buf_clear)))

#endif
