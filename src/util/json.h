/*
 * JSON by jansson, for the files named *_json.c.
 *
 * Those are pure: text in, structs out, and back. Nothing else includes this.
 */
#ifndef DESKRUN_UTIL_JSON_H
#define DESKRUN_UTIL_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

static inline void json_cleanup(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}
#define auto_json __attribute__((cleanup(json_cleanup)))

/*
 * Parses one JSON document, at most 64 levels deep, duplicate keys refused.
 * what names it in errors ("spec.json", "GitHub's answer to GET /…"); a byte
 * order mark is skipped. Returns a new reference or NULL.
 */
json_t *json_parse(const char *text, size_t len, const char *what,
	struct dr_err *err);

/* Adds compact JSON in the order of insertion, without a line end. */
int json_write(const json_t *j, struct dr_buf *out);

/*
 * Members. The getters with a default accept absence and null; a value of
 * another type is treated as absent. Strings belong to the object.
 */
const char *json_str(const json_t *obj, const char *key, const char *fallback);
int64_t json_int(const json_t *obj, const char *key, int64_t fallback);
bool json_flag(const json_t *obj, const char *key, bool fallback);
/* A copy, to be freed; NULL when absent or out of memory. */
char *json_strdup(const json_t *obj, const char *key);

/* Sets a member unless the value is NULL; errors show in the final write. */
void json_put_str(json_t *obj, const char *key, const char *value);
void json_put_int(json_t *obj, const char *key, int64_t value);
void json_put_flag(json_t *obj, const char *key, bool value);

/* Arrays of strings as NULL-terminated vectors (see strv.h). */
char **json_strv(const json_t *obj, const char *key);
void json_put_strv(json_t *obj, const char *key, char *const *strv);

#endif
