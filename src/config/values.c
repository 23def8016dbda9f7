#include "config/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/paths.h"
#include "util/strv.h"

/* Digits alone: strtoll(3) would take spaces, signs and other bases. */
static bool parse_digits(const char **p, int64_t *out)
{
	const char *start = *p;
	int64_t value = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (value > (INT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (**p - '0');
	}
	*out = value;
	return *p > start;
}

static bool in_range(const struct schema_key *key, int64_t value)
{
	return value >= key->min && value <= key->max;
}

static bool parse_number(const char *text, int64_t *out)
{
	return parse_digits(&text, out) && *text == '\0';
}

/* Thousandths: "1.5" is 1500. */
static bool parse_cpus(const char *text, int64_t *out)
{
	int64_t scale = 100;

	if (!parse_digits(&text, out) || *out > INT32_MAX)
		return false;
	*out *= 1000;
	if (*text == '.' && text[1]) {
		for (text++; *text >= '0' && *text <= '9' && scale; text++) {
			*out += (*text - '0') * scale;
			scale /= 10;
		}
	}
	return *text == '\0';
}

/* Powers of 1024, as cgroups, Docker and Kubernetes' Ki, Mi … count. */
static bool parse_size(const char *text, int64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	int shift = 0;

	if (!parse_digits(&text, out))
		return false;
	unit = *text ? strchr(units, *text) : NULL;
	if (unit) {
		shift = 10 * (int)(unit - units + 1);
		text++;
		text += *text == 'i';
	}
	if (*out > (INT64_MAX >> shift))
		return false;
	*out <<= shift;
	return *text == '\0';
}

static bool store_number(const struct schema_key *key, const char *text,
	bool (*parse)(const char *, int64_t *), void *at)
{
	int64_t value;

	if (!parse(text, &value) || !in_range(key, value))
		return false;
	*(int64_t *)at = value;
	return true;
}

static bool store_flag(const char *text, bool *at)
{
	bool yes = strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "false") != 0)
		return false;
	*at = yes;
	return true;
}

static bool store_choice(const struct schema_key *key, const char *text,
	void *at)
{
	for (const struct schema_choice *c = key->choices; c->name; c++) {
		if (c->value >= 0 && strcmp(c->name, text) == 0) {
			/* enums without negative values are unsigned */
			*(unsigned *)at = (unsigned)c->value;
			return true;
		}
	}
	return false;
}

/* The text to be kept; NULL with *oom, or when it is no path. */
static char *kept(const struct schema_key *key, const char *text,
	const struct config_context *context, bool *oom)
{
	char *out;

	if (key->type == SCHEMA_PATH || key->type == SCHEMA_PATHS)
		out = path_resolve(text, context->dir, context->home);
	else
		out = strdup(text);
	if (!out && errno == ENOMEM)
		*oom = true;
	return out;
}

static bool store_text(const struct schema_key *key, const char *text,
	const struct config_context *context, void *at, bool *oom)
{
	bool is_list = key->type == SCHEMA_TEXTS || key->type == SCHEMA_PATHS;
	char *out;

	if (key->check && !key->check(text))
		return false;
	out = kept(key, text, context, oom);
	if (!out)
		return *oom;
	/* the directory of the file can make a good path a bad one */
	if (key->type == SCHEMA_PATH && key->check && !key->check(out)) {
		free(out);
		return false;
	}
	if (is_list) {
		*oom = strv_add(at, out) < 0;
		free(out);
	} else {
		free(*(char **)at);
		*(char **)at = out;
	}
	return true;
}

bool value_store(const struct schema_key *key, const char *text,
	const struct config_context *context, void *base, bool *oom)
{
	void *at = (char *)base + key->offset;

	switch (key->type) {
	case SCHEMA_NUMBER:
		return store_number(key, text, parse_number, at);
	case SCHEMA_CPUS:
		return store_number(key, text, parse_cpus, at);
	case SCHEMA_SIZE:
		return store_number(key, text, parse_size, at);
	case SCHEMA_FLAG:
		return store_flag(text, at);
	case SCHEMA_CHOICE:
		return store_choice(key, text, at);
	default:
		return store_text(key, text, context, at, oom);
	}
}

bool value_is_text(const struct schema_key *key)
{
	return key->type != SCHEMA_NUMBER && key->type != SCHEMA_FLAG;
}
