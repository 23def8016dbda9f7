#include "runner/roster.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/nearest.h"
#include "util/strv.h"

static int add(struct roster *roster, const char *name,
	const struct config_pool *pool)
{
	struct roster_runner *grown = reallocarray(roster->v, roster->n + 1,
		sizeof(*grown));

	if (!grown)
		return -1;
	roster->v = grown;
	grown[roster->n] = (struct roster_runner){
		.name = strdup(name),
		.pool = pool,
	};
	return grown[roster->n++].name ? 0 : -1;
}

static bool has(const struct roster *roster, const char *name)
{
	for (size_t i = 0; i < roster->n; i++)
		if (strcmp(roster->v[i].name, name) == 0)
			return true;
	return false;
}

static int add_all(const struct config *config, struct engine *e,
	struct roster *roster, struct dr_err *err)
{
	auto_strv char **slots = NULL;

	for (size_t p = 0; p < config->n_pools; p++)
		for (char **r = config->pools[p].runners; *r; r++)
			if (add(roster, *r, &config->pools[p]) < 0)
				return dr_err_oom(err);
	if (!e)
		return 0;
	if (e->ops->list(e, &slots, err) < 0)
		return -1;
	for (char **s = slots; *s; s++)
		if (!has(roster, *s) && add(roster, *s, NULL) < 0)
			return dr_err_oom(err);
	return 0;
}

static bool names(const struct roster_runner *r, const char *word)
{
	return strcmp(r->name, word) == 0 ||
		(r->pool && strcmp(r->pool->name, word) == 0);
}

static int unknown(const struct roster *roster, const char *word,
	struct dr_err *err)
{
	struct nearest near;

	nearest_init(&near, word);
	for (size_t i = 0; i < roster->n; i++) {
		nearest_offer(&near, roster->v[i].name);
		if (roster->v[i].pool)
			nearest_offer(&near, roster->v[i].pool->name);
	}
	return dr_err_set(err, DR_NOT_FOUND,
		"no runner or pool is called \"%s\"%s%s%s", word,
		near.found ? "; did you mean \"" : "",
		near.found ? near.found : "", near.found ? "\"?" : "");
}

static void free_runner(struct roster_runner *r)
{
	free(r->name);
	engine_slot_clear(&r->slot);
}

static int keep_wanted(struct roster *roster, char *const *wanted,
	struct dr_err *err)
{
	size_t kept = 0;

	for (char *const *w = wanted; *w; w++) {
		size_t i = 0;

		while (i < roster->n && !names(&roster->v[i], *w))
			i++;
		if (i == roster->n)
			return unknown(roster, *w, err);
	}
	for (size_t i = 0; i < roster->n; i++) {
		bool keep = false;

		for (char *const *w = wanted; *w && !keep; w++)
			keep = names(&roster->v[i], *w);
		if (keep)
			roster->v[kept++] = roster->v[i];
		else
			free_runner(&roster->v[i]);
	}
	roster->n = kept;
	return 0;
}

int roster_make(const struct config *config, struct engine *e,
	char *const *wanted, struct roster *roster, struct dr_err *err)
{
	*roster = (struct roster){0};
	if (add_all(config, e, roster, err) < 0 ||
		(wanted && *wanted && keep_wanted(roster, wanted, err) < 0) ||
		(e && roster_observe(roster, e, err) < 0)) {
		roster_clear(roster);
		return -1;
	}
	return 0;
}

void roster_clear(struct roster *roster)
{
	for (size_t i = 0; i < roster->n; i++)
		free_runner(&roster->v[i]);
	free(roster->v);
	*roster = (struct roster){0};
}

int roster_observe(struct roster *roster, struct engine *e, struct dr_err *err)
{
	for (size_t i = 0; i < roster->n; i++) {
		engine_slot_clear(&roster->v[i].slot);
		if (e->ops->observe(e, roster->v[i].name, &roster->v[i].slot,
			    err) < 0)
			return -1;
	}
	return 0;
}

const char *roster_target(const struct roster_runner *r,
	const struct config *config)
{
	const char *url = r->slot.registration.url;
	size_t len = strlen(config->github.url);

	if (url && strncmp(url, config->github.url, len) == 0 &&
		url[len] == '/')
		return url + len + 1;
	return !url && r->pool ? r->pool->target : "";
}
