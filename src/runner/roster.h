/*
 * The runners a command is about: those of the configuration, and those that
 * only have a slot still (a pool that was removed or made smaller).
 */
#ifndef DESKRUN_RUNNER_ROSTER_H
#define DESKRUN_RUNNER_ROSTER_H

#include <stdbool.h>

#include "config/config.h"
#include "engine/engine.h"
#include "runner/reconcile.h"

struct roster_runner {
	char *name;
	const struct config_pool *pool; /* NULL: the configuration has none */
	struct engine_slot slot;	/* by roster_observe() */
	enum hub_presence hub;		/* by hub_look() */
	int64_t hub_id;			/* GitHub's id of that name, or 0 */
	bool hub_online, hub_busy;
};

struct roster {
	struct roster_runner
		*v; /* in the configuration's order, then by name */
	size_t n;
};

/*
 * config is borrowed. wanted (a NULL-terminated vector; empty or NULL for all)
 * names runners and pools; a name that is neither is DR_NOT_FOUND, with the
 * nearest one that is. e may be NULL when there is no data directory.
 */
int roster_make(const struct config *config, struct engine *e,
	char *const *wanted, struct roster *roster, struct dr_err *err);
void roster_clear(struct roster *roster);
#define auto_roster __attribute__((cleanup(roster_clear)))

/* Reads every slot anew. */
int roster_observe(struct roster *roster, struct engine *e, struct dr_err *err);

/* The target (owner/repo, …) of a runner, as its slot says; "" if nowhere. */
const char *roster_target(const struct roster_runner *r,
	const struct config *config);

#endif
