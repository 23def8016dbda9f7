/*
 * Brings runners to where they are wanted: observe, reconcile, act, again.
 *
 * Progress goes to stderr, a line a change. What fails for one runner does
 * not keep the others from getting there.
 */
#ifndef DESKRUN_RUNNER_CONVERGE_H
#define DESKRUN_RUNNER_CONVERGE_H

#include <signal.h>
#include <stdbool.h>

#include "runner/hub.h"
#include "runner/roster.h"
#include "runner/spec.h"

/* Registrations under way at one time */
#define CONVERGE_REGISTER_MAX 8

struct converge {
	struct engine *engine;
	struct hub *hub; /* NULL: GitHub is not asked */
	struct roster *roster;
	/* Makes the specs of runners that are to run; NULL: none is */
	const struct spec_common *common;
	enum goal goal; /* of runners that the configuration has */
	enum goal rest; /* of those that only have a slot */
	bool now;
	/* Longest time in which a runner may show no progress, unless it is
	 * busy with a job; and the longest time in all, 0 for none. Seconds. */
	int stuck_s;
	int timeout_s;
	const volatile sig_atomic_t *interrupted;
};

/*
 * 0 when every runner is where it is wanted. Else the error of the only one
 * that failed, or a count (each was shown as a warning then). DR_INTERRUPTED
 * and DR_TIMEOUT leave a state from which the command can be run again.
 */
int converge(const struct converge *c, struct dr_err *err);

#endif
