#include "runner/stop.h"

#include "runner/converge.h"
#include "runner/hub.h"
#include "util/log.h"

/* A Listener that was told to end takes 30 s at most. */
#define STUCK_S 90

/* A living supervisor may be about to register. */
static bool concerns_github(const struct roster *roster)
{
	for (size_t i = 0; i < roster->n; i++)
		if (roster->v[i].slot.alive ||
			roster->v[i].slot.registration.id > 0)
			return true;
	return false;
}

/* What a local stop leaves behind on GitHub */
static void tell_what_remains(const struct roster *roster)
{
	for (size_t i = 0; i < roster->n; i++) {
		const struct slot_registration
			*reg = &roster->v[i].slot.registration;

		if (reg->id > 0)
			log_info("%s: stays registered at %s (id %lld); "
				 "\"start\" uses it again, \"stop\" removes it",
				roster->v[i].name, reg->url,
				(long long)reg->id);
	}
}

int stop_runners(const struct stop_request *r, struct dr_err *err)
{
	struct session *s = r->session;
	auto_hub struct hub *hub = NULL;
	struct converge c = {
		.engine = s->engine,
		.roster = &s->roster,
		.goal = r->local ? GOAL_ENDED : GOAL_GONE,
		.rest = r->local ? GOAL_ENDED : GOAL_GONE,
		.now = r->now,
		.stuck_s = STUCK_S,
		.timeout_s = r->timeout_s,
		.interrupted = r->interrupted,
	};

	if (!r->local && concerns_github(&s->roster)) {
		hub = hub_new(s->config, r->interrupted, err);
		if (!hub || hub_look(hub, &s->roster, err) < 0) {
			dr_err_prefix(err,
				"GitHub cannot be asked (\"stop "
				"--local\" ends the runners without it)");
			return -1;
		}
		c.hub = hub;
	}
	if (converge(&c, err) < 0)
		return -1;
	if (r->local)
		tell_what_remains(&s->roster);
	return 0;
}
