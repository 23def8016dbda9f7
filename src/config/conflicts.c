/* What one key alone cannot tell: contradictions, and names made of keys. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/checks.h"
#include "config/entries.h"
#include "config/problems.h"
#include "config/read.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/strv.h"

/* Adds a problem at the place of a key, or of another where it is absent. */
static void blame(const struct config *config, struct config_problems *problems,
	const char *path, const char *other, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

static void blame(const struct config *config, struct config_problems *problems,
	const char *path, const char *other, const char *fmt, ...)
{
	const struct config_entry *at = entries_find(config, path);
	char text[512];
	va_list ap;

	if (!at || at->line == 0)
		at = entries_find(config, other);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problems_add(problems, at ? at->line : 0, at ? at->column : 0, "%s",
		text);
}

/* The same for a key of a pool. */
#define blame_pool(config, problems, i, key, ...)                       \
	do {                                                            \
		char path_[64], name_[64];                              \
		snprintf(path_, sizeof(path_), "pools[%zu]." key, (i)); \
		snprintf(name_, sizeof(name_), "pools[%zu].name", (i)); \
		blame((config), (problems), path_, name_, __VA_ARGS__); \
	} while (0)

/* The token has one source. */
static void check_auth(struct config *config, struct config_problems *problems)
{
	struct config_github *github = &config->github;
	const struct {
		const char *path;
		bool given;
		enum config_auth auth;
	} sources[] = {
		{"github.auth.token_file", github->token_file,
			CONFIG_AUTH_FILE},
		{"github.auth.token_env", github->token_env, CONFIG_AUTH_ENV},
		{"github.auth.gh", github->gh, CONFIG_AUTH_GH},
	};
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!sources[i].given)
			continue;
		if (first)
			blame(config, problems, sources[i].path, first,
				"%s and %s exclude each other", first,
				sources[i].path);
		else
			github->auth = sources[i].auth;
		first = first ? first : sources[i].path;
	}
}

/* In lower case and without the slash at the end, and its host. */
static void tidy_url(struct config *config, struct config_problems *problems)
{
	struct config_github *github = &config->github;
	size_t len;

	if (!github->url)
		return;
	for (char *c = github->url; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	len = strlen(github->url);
	if (github->url[len - 1] == '/')
		github->url[len - 1] = '\0';
	github->host = strdup(strstr(github->url, "://") + 3);
	if (!github->host ||
		entries_change(config, "github.url", github->url) < 0)
		problems->failed = true;
}

/* Drops what every runner has anyway, and finds what is there twice. */
static void check_labels(struct config *config, size_t i,
	struct config_problems *problems)
{
	char **labels = config->pools[i].labels, **out = labels;

	for (char **label = labels; label && *label; label++) {
		bool twice = false;

		for (char **before = labels; before < out; before++)
			twice |= strcasecmp(*before, *label) == 0;
		if (twice)
			blame_pool(config, problems, i, "labels",
				"pools[%zu].labels: '%.64s' is there twice "
				"(GitHub does not see case)",
				i, *label);
		if (twice || check_label_is_fixed(*label))
			free(*label);
		else
			*out++ = *label;
	}
	if (out)
		*out = NULL;
}

/* A repository has no runner groups; "Default" is what it is as if in. */
static void check_group_fits(struct config *config, size_t i,
	struct config_problems *problems)
{
	struct config_pool *pool = &config->pools[i];

	if (!pool->group)
		return;
	if (strcasecmp(pool->group, "default") == 0) {
		free(pool->group);
		pool->group = NULL;
	} else if (pool->target &&
		pool->target_kind == CONFIG_TARGET_REPOSITORY) {
		blame_pool(config, problems, i, "group",
			"pools[%zu].group: the target '%.100s' is a "
			"repository, which has no runner groups",
			i, pool->target);
	}
}

static void check_pool_name(struct config *config, size_t i,
	struct config_problems *problems)
{
	const char *name = config->pools[i].name;

	for (size_t k = 0; name && k < i; k++) {
		/* names become directories, also where case is not seen */
		if (config->pools[k].name &&
			strcasecmp(config->pools[k].name, name) == 0) {
			blame_pool(config, problems, i, "name",
				"pools[%zu].name: pools[%zu] is called '%s', "
				"too (case does not count)",
				i, k, config->pools[k].name);
			return;
		}
	}
}

/* Puts a template's text together for the n-th runner. */
static int expand(const struct config_pool *pool, const char *host, int64_t n,
	struct dr_buf *out)
{
	for (const char *p = pool->runner_name; *p;) {
		size_t len = strcspn(p, "{");

		dr_buf_add(out, p, len);
		p += len;
		if (strncmp(p, "{n}", 3) == 0)
			dr_buf_addf(out, "%lld", (long long)n);
		else if (strncmp(p, "{host}", 6) == 0)
			dr_buf_addstr(out, host);
		else if (*p)
			dr_buf_addstr(out, pool->name);
		p += strcspn(p, "}");
		p += *p == '}';
	}
	return out->failed ? -1 : 0;
}

/* Names the runners of a pool; false when there was a problem. */
static bool name_runners(struct config *config, size_t i,
	const struct config_context *context, struct config_problems *problems)
{
	struct config_pool *pool = &config->pools[i];

	if (pool->count > 1 && !strstr(pool->runner_name, "{n}")) {
		blame_pool(config, problems, i, "runner_name",
			"pools[%zu].runner_name: expected {n} in the names of "
			"%lld runners",
			i, (long long)pool->count);
		return false;
	}
	pool->runners = calloc((size_t)pool->count + 1, sizeof(char *));
	for (int64_t n = 0; pool->runners && n < pool->count; n++) {
		struct dr_buf name;

		dr_buf_init(&name, 4096);
		expand(pool, context->host, n, &name);
		pool->runners[n] = dr_buf_steal(&name);
		if (!pool->runners[n])
			break;
		if (!check_name(pool->runners[n])) {
			blame_pool(config, problems, i, "runner_name",
				"pools[%zu]: a runner would be called '%.100s', "
				"expected 1 to 64 characters (see runner_name)",
				i, pool->runners[n]);
			return false;
		}
	}
	if (!pool->runners || !pool->runners[pool->count - 1])
		problems->failed = true;
	return !problems->failed;
}

struct named {
	const char *name;
	size_t pool;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int rc = strcasecmp(x->name, y->name);

	return rc ? rc : (x->pool > y->pool) - (x->pool < y->pool);
}

/* Runners of two pools that get the same name, said once for each pool. */
static void check_names_differ(struct config *config, size_t total,
	struct config_problems *problems)
{
	struct named *all = calloc(total + 1, sizeof(*all));
	size_t n = 0, last = SIZE_MAX;

	if (!all) {
		problems->failed = true;
		return;
	}
	for (size_t i = 0; i < config->n_pools; i++)
		for (char **r = config->pools[i].runners; r && *r; r++)
			all[n++] = (struct named){*r, i};
	qsort(all, n, sizeof(*all), by_name);
	for (size_t k = 1; k < n; k++) {
		size_t a = all[k - 1].pool, b = all[k].pool;

		if (a == b || b == last ||
			strcasecmp(all[k - 1].name, all[k].name) != 0)
			continue;
		last = b;
		blame_pool(config, problems, b, "runner_name",
			"pools[%zu]: a runner would be called '%s', as one of "
			"pools[%zu]",
			b, all[k].name, a);
	}
	free(all);
}

/* Readers need not ask whether a list is there. */
static void fill_list(char ***list, struct config_problems *problems)
{
	if (!*list)
		*list = strv_dup(NULL);
	if (!*list)
		problems->failed = true;
}

static void check_pool(struct config *config, size_t i,
	struct config_problems *problems)
{
	struct config_pool *pool = &config->pools[i];

	fill_list(&pool->labels, problems);
	fill_list(&pool->env, problems);
	if (pool->target)
		pool->target_kind = check_target_kind(pool->target);
	check_pool_name(config, i, problems);
	check_labels(config, i, problems);
	check_group_fits(config, i, problems);
}

void conflicts_find(const struct config_context *context, struct config *config,
	struct config_problems *problems)
{
	int64_t total = 0;

	fill_list(&config->expose, problems);
	check_auth(config, problems);
	tidy_url(config, problems);
	if (config->runner_version &&
		strcmp(config->runner_version, "latest") == 0) {
		free(config->runner_version);
		config->runner_version = NULL;
	}
	for (size_t i = 0; i < config->n_pools; i++) {
		check_pool(config, i, problems);
		total += config->pools[i].count;
	}
	if (total > CONFIG_RUNNERS_MAX)
		blame(config, problems, "pools[0].count", "pools[0].name",
			"pools: found %lld runners in all, expected at most %d",
			(long long)total, CONFIG_RUNNERS_MAX);
	/* names are made of what was found good */
	if (problems->n > 0 || problems->failed)
		return;
	for (size_t i = 0; i < config->n_pools; i++)
		name_runners(config, i, context, problems);
	if (problems->n == 0)
		check_names_differ(config, (size_t)total, problems);
}
