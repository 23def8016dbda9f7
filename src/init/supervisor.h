/*
 * The supervisor's parts, and how they hang together.
 *
 * Handlers of events change what is known; after each, supervisor_decide()
 * looks at all that is known and wanted and does what follows. So nothing is
 * lost when two things happen at once, and a start, a change of desired.json
 * and a death all come down to the same rules.
 */
#ifndef DESKRUN_INIT_SUPERVISOR_H
#define DESKRUN_INIT_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/events.h"
#include "init/ground.h"
#include "init/handover.h"
#include "init/hook_message.h"
#include "init/janitor.h"
#include "init/listener_rules.h"
#include "init/loop.h"
#include "init/outlog.h"
#include "init/relay.h"
#include "init/world.h"
#include "util/slot.h"

struct supervisor;

/* listener.c */
struct listener {
	pid_t pid; /* 0: none */
	struct outlog out;
	uint64_t listening_ns; /* since when it listens, or 0 */
	bool asked;	       /* we told it to end */
	bool said_deleted;
	char said[512]; /* its last complaint */
	unsigned failures;
	struct loop_timer retry; /* set: the next start is due then */
	struct loop_timer patience;
	bool conflict;
	bool deregistered; /* not again in this supervisor's life */
};

void listener_init(struct supervisor *s);
int listener_start(struct supervisor *s, struct dr_err *err);
/* SIGINT, once in a life. */
void listener_ask(struct supervisor *s);
/* SIGKILL when it has not ended after ms; nothing when it was not asked. */
void listener_limit(struct supervisor *s, uint64_t ms);
void listener_kill(struct supervisor *s);
/* On SIGCHLD */
void listener_reap(struct supervisor *s);

/* registration.c */
struct registration {
	pid_t pid; /* config.sh, or 0 */
	struct outlog out;
	char *token; /* while config.sh runs */
	char reason[512];
	struct loop_timer patience;
	bool announced; /* unregistered was said, or why it failed */
};

void registration_init(struct supervisor *s);
/* Whether the slot holds a registration. */
bool registration_present(const struct supervisor *s);
/* Says so when there is one; writes registration.json if it is missing. */
void registration_announce(struct supervisor *s);
/* Starts config.sh when there is a token, else says what is waited for. */
void registration_try(struct supervisor *s);
void registration_kill(struct supervisor *s);
void registration_reap(struct supervisor *s);

/* shims.c: who asks for worlds */
#define SHIMS_MAX 4

struct shim {
	struct supervisor *s;
	struct loop_source source; /* fd -1: free */
	struct loop_timer deadline;
	struct dr_buf bytes; /* of the request, while it comes */
	struct handover request;
	bool complete;	     /* it waits for a world */
	uint64_t order;	     /* first come, first served */
	uint64_t arrived_ns; /* when all of the request had come, or 0 */
};

int shims_open(struct supervisor *s, struct dr_err *err);
void shims_close(struct supervisor *s);
/* The one that waits longest, or NULL. */
struct shim *shims_next(struct supervisor *s);
/* Answers, and forgets it. */
void shim_answer(struct shim *shim, enum handover_verdict verdict, int code,
	const char *reason);

/* gate.c: how a Listener is made to end between two jobs */
enum gate_state {
	GATE_OPEN,
	GATE_CLOSING, /* the Listener was signalled; it has to leave its loop */
	GATE_CLOSED,
};
struct gate {
	enum gate_state state;
	struct loop_timer patience;
};

void gate_init(struct supervisor *s);
/*
 * At the completed hook: closes the gate if that is wanted and possible. When
 * it returns true the caller waits for job_gate_done().
 */
bool gate_close(struct supervisor *s);
/* Something that it waits for will not come. */
void gate_give_up(struct supervisor *s);
/* For the next job */
void gate_reset(struct supervisor *s);

/* hooks.c: what a world says */
#define HOOKS_MAX 4

struct hook {
	struct supervisor *s;
	struct loop_source source; /* fd -1: free */
	struct loop_timer deadline;
	char bytes[HOOK_MESSAGE_MAX];
	size_t len;
	bool waits; /* for the gate: completed */
};

int hooks_open(struct supervisor *s, int listen_fd, struct dr_err *err);
/* Accepts nobody more; the listening socket is the world's to close. */
void hooks_deaf(struct supervisor *s);
void hooks_close(struct supervisor *s);
/* Answers those that waited for the gate. */
void hooks_resume(struct supervisor *s);

/* job.c: the one world that there is */
struct job {
	struct shim *shim; /* NULL once it is answered or dead */
	struct world world;
	struct loop_source pidfd;
	struct relay relay;
	struct slot_job identity; /* once the started hook has said it */
	bool identified;
	bool running; /* there is a world */
	bool ended;   /* the world is dead, its answer is due */
	bool killed;
	struct loop_timer doom; /* it was killed and should be dead by then */
	struct world_end end;
	uint64_t ended_ns, ended_ms;
};

void job_init(struct supervisor *s);
bool job_running(const struct supervisor *s);
void job_start(struct supervisor *s, struct shim *shim);
void job_kill(struct supervisor *s);
/* The shim's socket has closed before it was answered. */
void job_shim_gone(struct supervisor *s, struct shim *shim);
void job_gate_done(struct supervisor *s);

/* wipes.c: dead worlds, and the janitor */
enum wipe_kind {
	WIPE_WORLD,	/* of a job that ended */
	WIPE_RECOVERED, /* of an earlier supervisor: a name is all we have */
	WIPE_UNBORN,	/* could not be started: no receipt */
};
struct wipe {
	enum wipe_kind kind;
	struct world world;
	struct slot_job identity;
	struct world_end end;
	int64_t waited_us;
	uint64_t ended_ms;
	struct wipe *next;
};
struct wipes {
	struct wipe *first;
	struct janitor janitor;	   /* at work on the first one */
	struct loop_source report; /* fd -1: none at work */
	struct loop_timer again;
	struct rotated receipts;
	bool open;
};

int wipes_open(struct supervisor *s, struct dr_err *err);
void wipes_close(struct supervisor *s);
bool wipes_pending(const struct supervisor *s);
/* Copies it; takes over the world's descriptors and identity's strings. */
void wipes_add(struct supervisor *s, const struct wipe *wipe);
/* Starts the next one when none is at work. */
void wipes_work(struct supervisor *s);

/* supervisor.c */
struct supervisor {
	struct loop loop;
	char *slot; /* absolute path */
	int slot_fd, lock_fd;
	struct slot_spec spec;
	struct ground *ground;
	struct events events;
	struct slot_desired desired;
	enum slot_want forced; /* by signals */
	struct loop_source signals, watch, listening;
	struct loop_timer heartbeat, now;
	struct loop_timer settle; /* a job has just ended: another may come */
	bool now_begun, done;
	int status; /* exit status, once done */
	struct listener listener;
	struct registration registration;
	struct shim shims[SHIMS_MAX];
	uint64_t shims_seen, worlds;
	struct gate gate;
	struct loop_source hook_listen;
	struct hook hooks[HOOKS_MAX];
	struct job job;
	struct wipes wipes;
};

void supervisor_init(struct supervisor *s);
enum slot_want supervisor_want(const struct supervisor *s);
void supervisor_decide(struct supervisor *s);

/* An event of a kind that has no members, or a reason. */
void supervisor_say(struct supervisor *s, enum slot_event_type type,
	const char *reason);

/* confine.c: for proc_spec.prepare: drops every capability for good. */
int confine_child(void *arg);

#endif
