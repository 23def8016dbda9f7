#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char empty[1];

void dr_buf_init(struct dr_buf *b, size_t max)
{
	*b = (struct dr_buf){.data = empty, .max = max};
}

void dr_buf_clear(struct dr_buf *b)
{
	if (b->cap > 0) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	dr_buf_init(b, b->max);
}

void dr_buf_reset(struct dr_buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->cap > 0)
		b->data[0] = '\0';
}

/* Not realloc(): what it leaves behind could be secret. */
static int grow(struct dr_buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 64;
	char *data;

	while (cap < need)
		cap *= 2;
	data = malloc(cap);
	if (!data)
		return -1;
	memcpy(data, b->data, b->len);
	data[b->len] = '\0';
	if (b->cap > 0) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

int dr_buf_add(struct dr_buf *b, const void *data, size_t len)
{
	if (b->failed || len > b->max - b->len ||
		(b->len + len + 1 > b->cap && grow(b, b->len + len + 1) < 0)) {
		b->failed = true;
		return -1;
	}
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int dr_buf_addstr(struct dr_buf *b, const char *s)
{
	return dr_buf_add(b, s, strlen(s));
}

int dr_buf_addf(struct dr_buf *b, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int len, rc;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		b->failed = true;
		return -1;
	}
	rc = dr_buf_add(b, text, (size_t)len);
	explicit_bzero(text, (size_t)len);
	free(text);
	return rc;
}

char *dr_buf_steal(struct dr_buf *b)
{
	char *out = NULL;

	if (!b->failed && (b->cap > 0 || grow(b, 1) == 0)) {
		out = b->data;
		dr_buf_init(b, b->max);
	} else {
		dr_buf_clear(b);
	}
	return out;
}
