/*
 * From what is wanted and what was observed to what is to be done next.
 *
 * Pure: start and stop observe, ask, do, and observe again, until nothing is
 * left to do. Every action brings a runner one step on and may be repeated;
 * so a command that was interrupted anywhere is continued by running one
 * again.
 */
#ifndef DESKRUN_RUNNER_RECONCILE_H
#define DESKRUN_RUNNER_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

/* What GitHub's list of runners says of a name */
enum hub_presence {
	HUB_UNKNOWN, /* not asked: --local */
	HUB_ABSENT,
	HUB_OURS,    /* the id is the one that our registration has */
	HUB_FOREIGN, /* the name is taken by something else */
};

enum goal {
	GOAL_RUNNING,
	GOAL_GONE,  /* drained, off GitHub, forgotten */
	GOAL_ENDED, /* no process of it is left; the registration stays */
};

struct wish {
	enum goal goal;
	bool now;	   /* do not wait for a running job: cancel it */
	bool outdated;	   /* it was started with another spec than is wanted */
	bool may_register; /* fewer than the limit register just now */
	bool tried; /* a token was handed over, and the slot has reacted */
};

enum action {
	ACT_DONE,
	ACT_WAIT,     /* for an event; phase and time tell for what */
	ACT_REFUSE,   /* the name is taken by something not ours */
	ACT_FAIL,     /* the slot's reason says why */
	ACT_FORGET,   /* remove the slot's registration and state */
	ACT_START,    /* a supervisor, with the spec that is wanted */
	ACT_RUN,      /* desire SLOT_RUN */
	ACT_REGISTER, /* hand over a registration token */
	ACT_DRAIN,    /* desire SLOT_DRAIN */
	ACT_DELETE,   /* from GitHub, by our saved id */
	ACT_END,      /* desire SLOT_STOP */
	ACT_CANCEL,   /* desire SLOT_NOW */
};

enum action reconcile(const struct wish *wish, const struct engine_slot *slot,
	enum hub_presence hub);

#endif
