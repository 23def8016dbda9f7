/*
 * Every key that a configuration may have: one table, which drives reading,
 * defaults, errors, "config show", and the check of the manual.
 */
#ifndef DESKRUN_CONFIG_SCHEMA_H
#define DESKRUN_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_type {
	SCHEMA_MAP,    /* keys of its own, and no value */
	SCHEMA_POOLS,  /* a list of maps; their keys begin with "pools[]." */
	SCHEMA_TEXT,   /* char * */
	SCHEMA_PATH,   /* char *, made absolute */
	SCHEMA_NUMBER, /* int64_t from min to max */
	SCHEMA_CPUS,   /* int64_t, thousandths of what is written */
	SCHEMA_SIZE,   /* int64_t, bytes */
	SCHEMA_FLAG,   /* bool */
	SCHEMA_CHOICE, /* an enum */
	SCHEMA_TEXTS,  /* char **: a list */
	SCHEMA_PATHS,  /* char **: a list, made absolute */
	SCHEMA_ENV,    /* char **: a map, as NAME=value */
	SCHEMA_LATER,  /* belongs to a feature that is not there yet */
};

enum schema_flag {
	SCHEMA_REQUIRED = 1 << 0,
	SCHEMA_SECRET = 1 << 1, /* its value is never shown */
	SCHEMA_DATA = 1 << 2,	/* its default depends on who asks */
};

struct schema_choice {
	const char *name; /* NULL ends */
	int value;	  /* -1: belongs to a feature that is not there yet */
};

struct schema_key {
	const char *path; /* "pools[].limits.cpus" */
	enum schema_type type;
	int flags;
	/* of the value in struct config, or in struct config_pool */
	size_t offset;
	const char *fallback; /* as it would be written; NULL: nothing */
	int64_t min, max;
	const struct schema_choice *choices;
	/* Whether a text (or each of a list) will do. */
	bool (*check)(const char *text);
	/* What will do, where type and range do not say it */
	const char *expected;
	const char *summary; /* one line, for people */
};

extern const struct schema_key schema[]; /* in the order of the manual */
extern const size_t schema_len;

/*
 * The next key directly below parent ("" is the top, "pools[]" a pool) after
 * last (NULL: the first one). NULL at the end.
 */
const struct schema_key *schema_below(const char *parent,
	const struct schema_key *last);

/* The key of that name below parent; the name is any text. */
const struct schema_key *schema_find(const char *parent, const char *name);

/* The last word of its path */
const char *schema_name(const struct schema_key *key);

/* What a value (each one of a list) has to be, in words. Returns out. */
#define SCHEMA_EXPECTED_SIZE 160
const char *schema_expected(const struct schema_key *key,
	char out[SCHEMA_EXPECTED_SIZE]);

#endif
