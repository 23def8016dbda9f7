#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

void problems_add(struct config_problems *problems, int line, int column,
	const char *fmt, ...)
{
	struct config_problem *grown;
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	grown = n < 0
		? NULL
		: reallocarray(problems->v, problems->n + 1, sizeof(*grown));
	if (!grown) {
		if (n >= 0)
			free(text);
		problems->failed = true;
		return;
	}
	problems->v = grown;
	grown[problems->n++] = (struct config_problem){
		.line = line,
		.column = column,
		.order = problems->n,
		.text = text,
	};
}

static int by_place(const void *a, const void *b)
{
	const struct config_problem *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void problems_sort(struct config_problems *problems)
{
	if (problems->n > 1)
		qsort(problems->v, problems->n, sizeof(*problems->v), by_place);
}

/* GitHub's tokens have had these beginnings since 2021. */
bool problems_secret(const char *text)
{
	static const char *const beginnings[] = {
		"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"};

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (strstr(text, beginnings[i]))
			return true;
	/* before that, 40 hexadecimal digits */
	return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

const char *problems_found(const char *text, char out[FOUND_SIZE])
{
	size_t len = strlen(text), shown = len > 64 ? 60 : len;

	if (problems_secret(text)) {
		snprintf(out, FOUND_SIZE, "what looks like a token");
		return out;
	}
	/* not in the middle of a character */
	while (shown < len && shown > 0 && (text[shown] & 0xc0) == 0x80)
		shown--;
	snprintf(out, FOUND_SIZE, "'%.*s%s'", (int)shown, text,
		shown < len ? "…" : "");
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return out;
}

void config_problems_clear(struct config_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		free(problems->v[i].text);
	free(problems->v);
	free(problems->file);
	*problems = (struct config_problems){0};
}
