/*
 * The configuration file, deskrun.yaml(5).
 *
 * It is read once, checked as a whole, and then a plain struct. What its keys
 * are, their types, defaults and ranges stand in one table (schema.h). Blocks
 * on reading files only, config_token() also on the gh program.
 */
#ifndef DESKRUN_CONFIG_CONFIG_H
#define DESKRUN_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/slot.h"

enum config_engine {
	CONFIG_ENGINE_AUTO,
	CONFIG_ENGINE_HOST,
};

enum config_auth {
	CONFIG_AUTH_DEFAULT, /* GITHUB_TOKEN, then gh where installed */
	CONFIG_AUTH_FILE,
	CONFIG_AUTH_ENV,
	CONFIG_AUTH_GH,
};

enum config_target {
	CONFIG_TARGET_REPOSITORY,   /* owner/repo */
	CONFIG_TARGET_ORGANISATION, /* name */
	CONFIG_TARGET_ENTERPRISE,   /* enterprises/name */
};

/* Where a new release of the runner comes from */
enum config_source {
	CONFIG_SOURCE_AUTO,
	CONFIG_SOURCE_TARBALL,
};

enum config_scratch {
	CONFIG_SCRATCH_DISK,
};

/* Limits that are checked here and relied upon elsewhere */
#define CONFIG_NAME_MAX 64
#define CONFIG_COUNT_MAX 1000
#define CONFIG_RUNNERS_MAX 10000 /* of all pools together */

struct config_pool {
	char *name; /* unique; [A-Za-z0-9._-]{1,64} */
	char *target;
	enum config_target target_kind; /* what target's syntax says */
	char *group;	   /* runner group, or NULL for GitHub's default */
	char **labels;	   /* besides self-hosted, Linux, X64 or ARM64 */
	int64_t count;	   /* 1 to CONFIG_COUNT_MAX */
	char *runner_name; /* template */
	char **runners;	   /* count names made from it, unique in the file */
	enum slot_mode mode;
	struct slot_limits limits;
	char **env; /* NAME=value */
	bool allow_public;
};

struct config_github {
	char *url;  /* scheme://host[:port], in lower case, no slash */
	char *host; /* its host[:port] */
	enum config_auth auth;
	bool gh;
	char *token_file; /* absolute; CONFIG_AUTH_FILE */
	char *token_env;  /* name of a variable; CONFIG_AUTH_ENV */
	char *ca_file;	  /* absolute, or NULL */
};

struct config_entry; /* see entries.h */

/* Owns all it points to. Paths are absolute; vectors never NULL. */
struct config {
	char *file;	 /* absolute path of the file it came from */
	int64_t version; /* of the file's format: 1 */
	struct config_github github;
	enum config_engine engine;
	char *data; /* data directory */
	enum config_scratch scratch;
	char *runner_version; /* "2.336.0", or NULL for the latest */
	enum config_source runner_source;
	char **expose; /* paths that host worlds are not to hide */
	struct config_pool *pools;
	size_t n_pools;		      /* at least one */
	struct config_entry *entries; /* for config_value_next() */
	size_t n_entries;
};

/* One mistake in a file */
struct config_problem {
	int line, column; /* from 1; 0 where it is about the whole file */
	size_t order;	  /* of its finding */
	char *text;	  /* without the place */
};

struct config_problems {
	char *file;		  /* as the user knows it */
	struct config_problem *v; /* sorted by place */
	size_t n;
	bool failed; /* there was no memory for all of them */
};

void config_problems_clear(struct config_problems *problems);
#define auto_problems __attribute__((cleanup(config_problems_clear)))

void config_clear(struct config *config);
#define auto_config __attribute__((cleanup(config_clear)))

/*
 * Finds and reads the configuration: file when it is not NULL, else the first
 * of $DESKRUN_CONFIG, ./deskrun.yaml, $XDG_CONFIG_HOME/deskrun/deskrun.yaml
 * and /etc/deskrun/deskrun.yaml. config is to be cleared after success only.
 *
 * DR_CONFIG when there is none, it cannot be read, or it is wrong. In the last
 * case problems has all that is wrong, and the error is the one problem with
 * its place or "FILE: 3 problems". DR_FAILED without memory.
 */
int config_load(const char *file, struct config *config,
	struct config_problems *problems, struct dr_err *err);

/*
 * The surroundings on which the meaning of a file depends. The strings are
 * borrowed; only what config_load() and tests call needs it.
 */
struct config_context {
	const char *file; /* as the user knows it, for messages */
	const char *dir;  /* absolute: relative paths start there */
	const char *home; /* absolute: "~"; NULL when unknown */
	const char *data; /* absolute: default of data: */
	const char *host; /* this machine's name: {host} */
};

/* config_load() without the files: pure. */
int config_parse(const char *text, size_t len,
	const struct config_context *context, struct config *config,
	struct config_problems *problems, struct dr_err *err);

/* The pool of that name, or NULL. It stays the configuration's. */
const struct config_pool *config_pool_find(const struct config *config,
	const char *name);

/* One effective setting, for people. Never shows what may be secret. */
struct config_value {
	const char *path; /* "pools[0].count" */
	const char *value;
	int line; /* in the file; 0 is a default */
};

/*
 * Walks through the effective settings in the order of the manual. *at starts
 * as 0. False at the end; value's strings stay the configuration's.
 */
bool config_value_next(const struct config *config, size_t *at,
	struct config_value *value);

/*
 * Adds the GitHub token to token, which the caller clears soon
 * (dr_buf_clear() overwrites it); it is never in a message. A variable that
 * held it is removed from the environment, so that no child sees it: to be
 * called once, while there is one thread. Blocks up to 10 s on gh.
 * DR_AUTH when there is none or its file is open to others.
 */
int config_token(const struct config *config, struct dr_buf *token,
	struct dr_err *err);

#endif
