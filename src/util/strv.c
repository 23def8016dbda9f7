#include "util/strv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strv_free(char **v)
{
	if (!v)
		return;
	for (char **s = v; *s; s++) {
		explicit_bzero(*s, strlen(*s));
		free(*s);
	}
	free(v);
}

size_t strv_len(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

/* Takes s over in either case. */
static int add_owned(char ***v, char *s)
{
	size_t n = strv_len(*v);
	char **grown;

	if (!s)
		return -1;
	grown = reallocarray(*v, n + 2, sizeof(*grown));
	if (!grown) {
		free(s);
		return -1;
	}
	grown[n] = s;
	grown[n + 1] = NULL;
	*v = grown;
	return 0;
}

int strv_add(char ***v, const char *s)
{
	return add_owned(v, strdup(s));
}

int strv_addf(char ***v, const char *fmt, ...)
{
	char *s;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? -1 : add_owned(v, s);
}

char **strv_dup(char *const *v)
{
	char **out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	for (; v && *v; v++) {
		if (strv_add(&out, *v) < 0) {
			strv_free(out);
			return NULL;
		}
	}
	return out;
}

bool strv_contains(char *const *v, const char *s)
{
	for (; v && *v; v++)
		if (strcmp(*v, s) == 0)
			return true;
	return false;
}

static char **find_env(char *const *v, const char *name)
{
	size_t len = strlen(name);

	for (; v && *v; v++)
		if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
			return (char **)v;
	return NULL;
}

const char *strv_env_get(char *const *v, const char *name)
{
	char **found = find_env(v, name);

	return found ? *found + strlen(name) + 1 : NULL;
}

static void drop(char **at)
{
	explicit_bzero(*at, strlen(*at));
	free(*at);
	for (; *at; at++)
		at[0] = at[1];
}

int strv_env_set(char ***v, const char *name, const char *value)
{
	char **found = find_env(*v, name);

	if (found)
		drop(found);
	return value ? strv_addf(v, "%s=%s", name, value) : 0;
}
