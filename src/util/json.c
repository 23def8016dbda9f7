#include "util/json.h"

#include <stdlib.h>
#include <string.h>

#include "util/strv.h"

#define MAX_DEPTH 64

static bool too_deep(const json_t *j, int depth)
{
	const char *key;
	json_t *value;
	size_t i;

	if (depth > MAX_DEPTH)
		return true;
	if (json_is_object(j)) {
		json_object_foreach((json_t *)j, key, value)
			if (too_deep(value, depth + 1))
				return true;
	}
	json_array_foreach(j, i, value)
		if (too_deep(value, depth + 1))
			return true;
	return false;
}

json_t *json_parse(const char *text, size_t len, const char *what,
	struct dr_err *err)
{
	json_error_t at;
	json_t *j;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	if (!j) {
		dr_err_set(err, DR_FAILED, "%s:%d:%d: not valid JSON: %s", what,
			at.line, at.column, at.text);
		return NULL;
	}
	if (too_deep(j, 0)) {
		json_decref(j);
		dr_err_set(err, DR_FAILED, "%s: nested more than %d deep", what,
			MAX_DEPTH);
		return NULL;
	}
	return j;
}

static int add_chunk(const char *data, size_t len, void *out)
{
	return dr_buf_add(out, data, len);
}

int json_write(const json_t *j, struct dr_buf *out)
{
	if (json_dump_callback(j, add_chunk, out,
		    JSON_COMPACT | JSON_REAL_PRECISION(9)) < 0) {
		out->failed = true;
		return -1;
	}
	return 0;
}

const char *json_str(const json_t *obj, const char *key, const char *fallback)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : fallback;
}

int64_t json_int(const json_t *obj, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(obj, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_flag(const json_t *obj, const char *key, bool fallback)
{
	const json_t *value = json_object_get(obj, key);

	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

char *json_strdup(const json_t *obj, const char *key)
{
	const char *s = json_str(obj, key, NULL);

	return s ? strdup(s) : NULL;
}

void json_put_str(json_t *obj, const char *key, const char *value)
{
	if (value)
		json_object_set_new(obj, key, json_string(value));
}

void json_put_int(json_t *obj, const char *key, int64_t value)
{
	json_object_set_new(obj, key, json_integer(value));
}

void json_put_flag(json_t *obj, const char *key, bool value)
{
	json_object_set_new(obj, key, json_boolean(value));
}

char **json_strv(const json_t *obj, const char *key)
{
	const json_t *array = json_object_get(obj, key);
	char **out = strv_dup(NULL);
	json_t *item;
	size_t i;

	if (!out)
		return NULL;
	json_array_foreach(array, i, item) {
		if (json_is_string(item) &&
			strv_add(&out, json_string_value(item)) < 0) {
			strv_free(out);
			return NULL;
		}
	}
	return out;
}

void json_put_strv(json_t *obj, const char *key, char *const *strv)
{
	json_t *array = json_array();

	for (; strv && *strv; strv++)
		json_array_append_new(array, json_string(*strv));
	json_object_set_new(obj, key, array);
}
