/* NULL-terminated vectors of strings, as execve(2) wants them. */
#ifndef DESKRUN_UTIL_STRV_H
#define DESKRUN_UTIL_STRV_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites each string before freeing it; NULL is fine. */
void strv_free(char **v);
size_t strv_len(char *const *v);
/* Adds a copy; *v may be NULL. Returns 0, or -1 when there is no memory. */
int strv_add(char ***v, const char *s);
int strv_addf(char ***v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
char **strv_dup(char *const *v);
bool strv_contains(char *const *v, const char *s);
/* For vectors of NAME=value: the value, or NULL. */
const char *strv_env_get(char *const *v, const char *name);
/* Replaces or adds NAME=value; value NULL removes it. */
int strv_env_set(char ***v, const char *name, const char *value);

static inline void strv_cleanup(char ***v)
{
	strv_free(*v);
	*v = NULL;
}
#define auto_strv __attribute__((cleanup(strv_cleanup)))

#endif
