#include "config.h"

#include "runner/hub.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/cleanup.h"

/* A registration token that is about to expire is not handed out. */
#define TOKEN_MARGIN_MS (5 * 60 * 1000)

struct target {
	char *name;
	struct github *gh;
	struct github_token token;
};

struct hub {
	const struct config *config;
	const volatile sig_atomic_t *interrupted;
	struct http_client *http;
	struct dr_buf token;
	struct target *targets;
	size_t n;
};

struct hub *hub_new(const struct config *config,
	const volatile sig_atomic_t *interrupted, struct dr_err *err)
{
	const struct http_options options = {
		.user_agent = "deskrun-runner/" PACKAGE_VERSION,
		.ca_file = config->github.ca_file,
		.interrupted = interrupted,
	};
	auto_hub struct hub *hub = calloc(1, sizeof(*hub));

	if (!hub) {
		dr_err_oom(err);
		return NULL;
	}
	hub->config = config;
	hub->interrupted = interrupted;
	dr_buf_init(&hub->token, 64 * 1024);
	if (config_token(config, &hub->token, err) < 0)
		return NULL;
	hub->http = http_client_new(&options, err);
	if (!hub->http)
		return NULL;
	return steal_ptr(&hub);
}

void hub_free(struct hub *hub)
{
	if (!hub)
		return;
	for (size_t i = 0; i < hub->n; i++) {
		free(hub->targets[i].name);
		github_free(hub->targets[i].gh);
		github_token_clear(&hub->targets[i].token);
	}
	free(hub->targets);
	dr_buf_clear(&hub->token);
	http_client_free(hub->http);
	free(hub);
}

struct http_client *hub_http(struct hub *hub)
{
	return hub->http;
}

static struct target *find_target(struct hub *hub, const char *name,
	struct dr_err *err)
{
	const struct github_options options = {
		.http = hub->http,
		.url = hub->config->github.url,
		.target = name,
		.token = hub->token.data,
		.interrupted = hub->interrupted,
	};
	struct target *grown, t = {0};

	for (size_t i = 0; i < hub->n; i++)
		if (strcmp(hub->targets[i].name, name) == 0)
			return &hub->targets[i];
	grown = reallocarray(hub->targets, hub->n + 1, sizeof(*grown));
	if (!grown) {
		dr_err_oom(err);
		return NULL;
	}
	hub->targets = grown;
	t.gh = github_new(&options, err);
	if (!t.gh)
		return NULL;
	t.name = strdup(name);
	if (!t.name) {
		github_free(t.gh);
		dr_err_oom(err);
		return NULL;
	}
	hub->targets[hub->n] = t;
	return &hub->targets[hub->n++];
}

struct github *hub_target(struct hub *hub, const char *target,
	struct dr_err *err)
{
	struct target *t = find_target(hub, target, err);

	return t ? t->gh : NULL;
}

/* What the list of a target says of one runner. */
static void match(struct roster_runner *r, const struct github_runners *list)
{
	const struct engine_slot *slot = &r->slot;

	/* lists can be a minute old; a session that is open proves more */
	r->hub = slot->registration.id > 0 && slot->alive &&
			(slot->state.phase == PHASE_IDLE ||
				slot->state.phase == PHASE_BUSY)
		? HUB_OURS
		: HUB_ABSENT;
	for (size_t i = 0; i < list->n; i++) {
		const struct github_runner *g = &list->v[i];

		if (strcasecmp(g->name, r->name) != 0)
			continue;
		r->hub = g->id == slot->registration.id ? HUB_OURS
							: HUB_FOREIGN;
		r->hub_id = g->id;
		r->hub_online = g->online;
		r->hub_busy = g->busy;
	}
}

int hub_look(struct hub *hub, struct roster *roster, struct dr_err *err)
{
	for (size_t i = 0; i < roster->n; i++)
		roster->v[i].hub = HUB_UNKNOWN;
	for (size_t i = 0; i < roster->n; i++) {
		const char *target = roster_target(&roster->v[i], hub->config);
		struct github_runners list = {0};
		struct github *gh;

		if (roster->v[i].hub != HUB_UNKNOWN || !*target)
			continue;
		gh = hub_target(hub, target, err);
		if (!gh || github_list_runners(gh, &list, err) < 0)
			return -1;
		for (size_t k = i; k < roster->n; k++)
			if (strcmp(roster_target(&roster->v[k], hub->config),
				    target) == 0)
				match(&roster->v[k], &list);
		github_runners_clear(&list);
	}
	return 0;
}

static int refuse_public(const struct config_pool *pool, const char *what,
	struct dr_err *err)
{
	return dr_err_set(err, DR_BUSY,
		"pool %s: %s; anybody who opens a pull request there could run "
		"code on this machine. If that is what you want, set "
		"\"allow_public: true\" for the pool",
		pool->name, what);
}

int hub_admit(struct hub *hub, const struct config_pool *pool,
	struct dr_err *err)
{
	struct github *gh = hub_target(hub, pool->target, err);
	struct github_group group = {0};
	bool is_public = false;
	char what[256];

	if (!gh || github_find_group(gh, pool->group, &group, err) < 0)
		return -1;
	snprintf(what, sizeof(what),
		"the runner group %s serves public "
		"repositories",
		group.name ? group.name : "");
	is_public = group.allows_public_repositories;
	github_group_clear(&group);
	if (pool->target_kind == CONFIG_TARGET_REPOSITORY) {
		snprintf(what, sizeof(what), "%s is a public repository",
			pool->target);
		if (github_repository_is_public(gh, &is_public, err) < 0)
			return -1;
	}
	return is_public && !pool->allow_public ? refuse_public(pool, what, err)
						: 0;
}

const char *hub_registration_token(struct hub *hub, const char *target,
	struct dr_err *err)
{
	struct target *t = find_target(hub, target, err);

	if (!t)
		return NULL;
	if (t->token.value &&
		t->token.expires_ms >
			(int64_t)clock_wall_ms() + TOKEN_MARGIN_MS)
		return t->token.value;
	github_token_clear(&t->token);
	if (github_registration_token(t->gh, &t->token, err) < 0)
		return NULL;
	return t->token.value;
}

int hub_delete(struct hub *hub, const struct roster_runner *r,
	struct dr_err *err)
{
	const char *target = roster_target(r, hub->config);
	struct github *gh;

	if (!*target)
		return dr_err_set(err, DR_FAILED,
			"%s is registered at %s, which is not below %s; remove "
			"it there, then run stop with --local",
			r->name, r->slot.registration.url,
			hub->config->github.url);
	gh = hub_target(hub, target, err);
	return gh ? github_delete_runner(gh, r->slot.registration.id, err) : -1;
}
