/* events.jsonl: written, and folded into a state; pure. */
#include "util/slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/slot_job_json.h"
#include "util/strv.h"

enum {
	HAS_ID = 1 << 0,
	HAS_PID = 1 << 1,
	HAS_CODE = 1 << 2,
	HAS_RETRY = 1 << 3,
	HAS_WAITED = 1 << 4,
	HAS_WORLD = 1 << 5,
	HAS_REASON = 1 << 6,
	HAS_GROUND = 1 << 7, /* isolation and notes */
	HAS_JOB = 1 << 8,
	HAS_STATE = 1 << 9,
};

/* phase: what a runner is in after the event; -1 leaves it as it is */
static const struct {
	const char *name;
	int members;
	int phase;
} types[EV_COUNT] = {
	[EV_STARTED] = {"started", HAS_PID | HAS_GROUND, PHASE_STARTING},
	[EV_SNAPSHOT] = {"snapshot", HAS_STATE, -1},
	[EV_REGISTERING] = {"registering", 0, PHASE_REGISTERING},
	[EV_REGISTERED] = {"registered", HAS_ID, PHASE_STARTING},
	[EV_REGISTRATION_FAILED] = {"registration_failed", HAS_REASON,
		PHASE_UNREGISTERED},
	[EV_UNREGISTERED] = {"unregistered", 0, PHASE_UNREGISTERED},
	[EV_LISTENER_STARTED] = {"listener_started", HAS_PID, PHASE_CONNECTING},
	[EV_LISTENING] = {"listening", 0, PHASE_IDLE},
	[EV_CONNECT_ERROR] = {"connect_error", HAS_REASON, PHASE_CONNECTING},
	[EV_SESSION_CONFLICT] = {"session_conflict", HAS_REASON,
		PHASE_CONFLICT},
	[EV_LISTENER_EXITED] = {"listener_exited",
		HAS_CODE | HAS_REASON | HAS_RETRY, -1},
	[EV_JOB_STARTED] = {"job_started", HAS_WORLD, PHASE_BUSY},
	[EV_JOB_IDENTIFIED] = {"job_identified", HAS_WORLD | HAS_JOB, -1},
	[EV_JOB_COMPLETED] = {"job_completed",
		HAS_WORLD | HAS_CODE | HAS_WAITED, -1},
	[EV_WIPED] = {"wiped", HAS_WORLD, -1},
	[EV_TAINTED] = {"tainted", HAS_WORLD | HAS_REASON, -1},
	[EV_GATED] = {"gated", HAS_WORLD, -1},
	[EV_DRAINED] = {"drained", 0, PHASE_DRAINED},
	[EV_DEREGISTERED] = {"deregistered", HAS_REASON, PHASE_DEREGISTERED},
	[EV_HEARTBEAT] = {"heartbeat", 0, -1},
	[EV_FATAL] = {"fatal", HAS_REASON, PHASE_FATAL},
	[EV_STOPPED] = {"stopped", HAS_REASON, PHASE_STOPPED},
};

const char *slot_event_name(enum slot_event_type type)
{
	return types[type].name;
}

static void get_job(const json_t *j, struct slot_job *job)
{
	slot_job_clear(job);
	job->repository = json_strdup(j, "repository");
	job->run_id = json_strdup(j, "run_id");
	job->run_attempt = json_strdup(j, "run_attempt");
	job->workflow = json_strdup(j, "workflow");
	job->job = json_strdup(j, "job");
}

static void put_state(json_t *j, const struct slot_state *s)
{
	json_put_str(j, "phase", slot_phase_name(s->phase));
	json_put_str(j, "reason", s->reason);
	json_put_int(j, "since_ms", (int64_t)s->since_ms);
	json_put_int(j, "pid", s->listener_pid);
	json_put_int(j, "id", s->runner_id);
	json_put_int(j, "retry_at_ms", (int64_t)s->retry_at_ms);
	json_put_int(j, "restarts", s->restarts);
	json_put_str(j, "isolation", s->isolation);
	json_put_strv(j, "notes", s->notes);
	json_put_str(j, "world", s->world);
	slot_job_put(j, &s->job);
	json_put_int(j, "jobs", s->jobs);
	json_put_int(j, "wiped", s->wiped);
}

static void put_members(json_t *j, const struct slot_event *e, int has)
{
	if (has & HAS_ID)
		json_put_int(j, "id", e->id);
	if (has & HAS_PID)
		json_put_int(j, "pid", e->pid);
	if (has & HAS_CODE)
		json_put_int(j, "code", e->code);
	if (has & HAS_RETRY)
		json_put_int(j, "retry_ms", e->retry_ms);
	if (has & HAS_WORLD)
		json_put_str(j, "world", e->world);
	if (has & HAS_WAITED)
		json_put_int(j, "waited_us", e->waited_us);
	if (has & HAS_REASON)
		json_put_str(j, "reason", e->reason);
	if (has & HAS_GROUND) {
		json_put_str(j, "isolation", e->isolation);
		json_put_strv(j, "notes", e->notes);
	}
	if ((has & HAS_JOB) && e->job)
		slot_job_put(j, e->job);
	if ((has & HAS_STATE) && e->state)
		put_state(j, e->state);
}

int slot_event_write(const struct slot_event *event, uint64_t epoch,
	uint64_t seq, uint64_t wall_ms, struct dr_buf *out)
{
	auto_json json_t *j = json_object();
	char at[CLOCK_TEXT_SIZE];

	clock_format(wall_ms, at);
	json_put_int(j, "epoch", (int64_t)epoch);
	json_put_int(j, "seq", (int64_t)seq);
	json_put_str(j, "at", at);
	json_put_str(j, "event", types[event->type].name);
	json_put_int(j, "generation", event->generation);
	put_members(j, event, types[event->type].members);
	json_write(j, out);
	return dr_buf_addstr(out, "\n");
}

/* Folding */

static void set_text(char **at, const char *text)
{
	free(*at);
	*at = text ? strdup(text) : NULL;
}

static void enter(struct slot_state *s, enum slot_phase phase,
	const char *reason, uint64_t at)
{
	if (s->phase != phase || s->since_ms == 0)
		s->since_ms = at;
	s->phase = phase;
	set_text(&s->reason, reason);
}

static void forget_job(struct slot_state *s)
{
	set_text(&s->world, NULL);
	slot_job_clear(&s->job);
}

static void fold_snapshot(struct slot_state *s, const json_t *j)
{
	const char *phase = json_str(j, "phase", "");

	for (int i = PHASE_STARTING; i <= PHASE_FATAL; i++)
		if (strcmp(phase, slot_phase_name((enum slot_phase)i)) == 0)
			s->phase = (enum slot_phase)i;
	set_text(&s->reason, json_str(j, "reason", NULL));
	s->since_ms = (uint64_t)json_int(j, "since_ms", 0);
	s->listener_pid = json_int(j, "pid", 0);
	s->runner_id = json_int(j, "id", 0);
	s->retry_at_ms = (uint64_t)json_int(j, "retry_at_ms", 0);
	s->restarts = json_int(j, "restarts", 0);
	set_text(&s->isolation, json_str(j, "isolation", NULL));
	strv_free(s->notes);
	s->notes = json_strv(j, "notes");
	set_text(&s->world, json_str(j, "world", NULL));
	get_job(j, &s->job);
	s->jobs = json_int(j, "jobs", 0);
	s->wiped = json_int(j, "wiped", 0);
}

static void fold_exit(struct slot_state *s, const json_t *j, uint64_t at)
{
	int64_t retry = json_int(j, "retry_ms", -1);

	s->listener_pid = 0;
	forget_job(s);
	if (retry >= 0) {
		s->restarts++;
		s->retry_at_ms = at + (uint64_t)retry;
	}
	/* what GitHub did to the registration outlasts the Listener */
	if (s->phase != PHASE_DEREGISTERED)
		enter(s, retry >= 0 ? PHASE_BACKOFF : PHASE_DRAINED,
			json_str(j, "reason", NULL), at);
}

/* Worlds are named after their epoch; a supervisor that finds some of its
 * predecessor wipes them as well. */
static bool of_this_epoch(const struct slot_state *s, const char *world)
{
	char prefix[40];

	snprintf(prefix, sizeof(prefix), "w-%llu-",
		(unsigned long long)s->epoch);
	return strncmp(world, prefix, strlen(prefix)) == 0;
}

static void fold_event(struct slot_state *s, enum slot_event_type type,
	const json_t *j, uint64_t at)
{
	switch (type) {
	case EV_STARTED:
		set_text(&s->isolation, json_str(j, "isolation", NULL));
		strv_free(s->notes);
		s->notes = json_strv(j, "notes");
		break;
	case EV_SNAPSHOT:
		fold_snapshot(s, j);
		break;
	case EV_REGISTERED:
		s->runner_id = json_int(j, "id", 0);
		break;
	case EV_LISTENER_STARTED:
		s->listener_pid = json_int(j, "pid", 0);
		break;
	case EV_LISTENER_EXITED:
		fold_exit(s, j, at);
		break;
	case EV_JOB_STARTED:
		forget_job(s);
		set_text(&s->world, json_str(j, "world", NULL));
		break;
	case EV_JOB_IDENTIFIED:
		get_job(j, &s->job);
		break;
	case EV_JOB_COMPLETED:
		forget_job(s);
		s->jobs++;
		/* when its Listener died, that says more */
		if (s->phase == PHASE_BUSY)
			enter(s, PHASE_IDLE, NULL, at);
		break;
	case EV_WIPED:
		s->wiped += of_this_epoch(s, json_str(j, "world", ""));
		break;
	case EV_DEREGISTERED:
		s->runner_id = 0;
		break;
	default:
		break;
	}
	if (types[type].phase >= 0)
		enter(s, (enum slot_phase)types[type].phase,
			json_str(j, "reason", NULL), at);
}

static int type_of(const char *name)
{
	for (int i = 0; i < EV_COUNT; i++)
		if (strcmp(name, types[i].name) == 0)
			return i;
	return -1;
}

int slot_state_fold(struct slot_state *state, const char *line, size_t len,
	enum slot_event_type *type)
{
	struct dr_err ignored = DR_ERR_INIT;
	auto_json json_t *j = json_parse(line, len, SLOT_EVENTS, &ignored);
	uint64_t epoch, seq;
	int64_t at;
	int found;

	if (!json_is_object(j))
		return 0;
	epoch = (uint64_t)json_int(j, "epoch", 0);
	seq = (uint64_t)json_int(j, "seq", 0);
	at = clock_parse(json_str(j, "at", ""));
	found = type_of(json_str(j, "event", ""));
	if (found < 0 || at < 0 || epoch < state->epoch ||
		(epoch == state->epoch && seq <= state->seq))
		return 0;
	if (epoch > state->epoch)
		slot_state_clear(state);
	state->epoch = epoch;
	state->seq = seq;
	state->generation = json_int(j, "generation", state->generation);
	*type = (enum slot_event_type)found;
	fold_event(state, *type, j, (uint64_t)at);
	return 1;
}
