/*
 * GitHub, as the commands need it: one client for each target, asked as
 * seldom as can be.
 */
#ifndef DESKRUN_RUNNER_HUB_H
#define DESKRUN_RUNNER_HUB_H

#include <signal.h>

#include "config/config.h"
#include "github/github.h"
#include "net/http.h"
#include "runner/roster.h"

struct hub;

/*
 * Reads the token (config_token(), so only once in a process's life) and
 * makes no request. config is borrowed.
 */
struct hub *hub_new(const struct config *config,
	const volatile sig_atomic_t *interrupted, struct dr_err *err);
void hub_free(struct hub *hub);

static inline void hub_cleanup(struct hub **hub)
{
	hub_free(*hub);
	*hub = NULL;
}
#define auto_hub __attribute__((cleanup(hub_cleanup)))

/* For requests besides the API: downloads. */
struct http_client *hub_http(struct hub *hub);
/* The client of a target; the hub's. NULL on failure. */
struct github *hub_target(struct hub *hub, const char *target,
	struct dr_err *err);

/* Fills in what GitHub says of each runner: one list a target. */
int hub_look(struct hub *hub, struct roster *roster, struct dr_err *err);

/*
 * Whether jobs of a pool may come here: a public repository, or a group that
 * serves some, lets anybody run code on this machine. DR_BUSY: refused.
 */
int hub_admit(struct hub *hub, const struct config_pool *pool,
	struct dr_err *err);

/* The registration token of a target: fetched once, the hub's. */
const char *hub_registration_token(struct hub *hub, const char *target,
	struct dr_err *err);

/* Deletes a runner by our saved id; DR_BUSY while it runs a job. */
int hub_delete(struct hub *hub, const struct roster_runner *r,
	struct dr_err *err);

#endif
