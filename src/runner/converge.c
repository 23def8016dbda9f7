#include "runner/converge.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

/* A supervisor that ends this often has a reason that a restart won't cure. */
#define STARTS_MAX 3
/* GitHub's word on a runner that is busy is asked for this seldom. */
#define DELETE_PAUSE_NS 5000000000u
#define WAIT_MS 1000

/* What is kept of one runner while the command runs */
struct track {
	struct roster_runner *r;
	enum goal goal;
	struct slot_spec spec; /* GOAL_RUNNING */
	int64_t known_id;      /* registration that GitHub's list was held to */
	bool given;	       /* a registration token, at given_seq */
	uint64_t given_seq;
	int starts;
	uint64_t delete_at;    /* monotonic: not before */
	uint64_t delete_seq;   /* an event since allows it at once */
	uint64_t progress_at;  /* monotonic: last change */
	enum slot_phase shown; /* phase that was told last */
	uint64_t shown_epoch;
	bool done, failed;
	struct dr_err err;
};

struct run {
	const struct converge *c;
	struct track *v;
	size_t n;
	uint64_t started_at;
};

/* Telling */

static void tell_waiting(const struct track *t)
{
	const struct slot_state *s = &t->r->slot.state;

	if (s->phase == PHASE_BUSY)
		log_info("%s: waits for the end of its job%s%s", t->r->name,
			s->job.repository ? " of " : "",
			s->job.repository ? s->job.repository : "");
}

static void tell_phase(struct track *t)
{
	const struct slot_state *s = &t->r->slot.state;
	const char *name = t->r->name, *reason = s->reason ? s->reason : "";

	switch (s->phase) {
	case PHASE_REGISTERING:
		log_info("%s: registers", name);
		break;
	case PHASE_CONNECTING:
		log_info("%s: connects", name);
		break;
	case PHASE_CONFLICT:
		log_info("%s: GitHub still holds a session of an earlier life "
			 "of this runner; waits for it to let go (up to 4 "
			 "minutes)",
			name);
		break;
	case PHASE_IDLE:
		if (t->goal == GOAL_RUNNING)
			log_info("%s: listens for jobs", name);
		break;
	case PHASE_BUSY:
		if (t->goal == GOAL_RUNNING)
			log_info("%s: runs a job", name);
		break;
	case PHASE_BACKOFF:
		log_info("%s: the Listener ended and is started again: %s",
			name, reason);
		break;
	default:
		break;
	}
}

/* Notes a change of what was observed. */
static void note_progress(struct track *t)
{
	const struct slot_state *s = &t->r->slot.state;

	if (s->phase == t->shown && s->epoch == t->shown_epoch)
		return;
	t->shown = s->phase;
	t->shown_epoch = s->epoch;
	t->progress_at = clock_mono_ns();
	if (t->r->slot.alive)
		tell_phase(t);
}

/* Acting */

static int start_runner(const struct run *run, struct track *t,
	struct dr_err *err)
{
	const char *reason = t->r->slot.state.reason;

	if (t->starts++ >= STARTS_MAX)
		return dr_err_set(err, DR_ENGINE,
			"%s: its supervisor ended %d times%s%s", t->r->name,
			STARTS_MAX, reason ? ": " : "", reason ? reason : "");
	log_info("%s: starts", t->r->name);
	t->given = false;
	return run->c->engine->ops->start(run->c->engine, &t->spec, err);
}

static int register_runner(const struct run *run, struct track *t,
	struct dr_err *err)
{
	struct engine *e = run->c->engine;
	const char *token = hub_registration_token(run->c->hub,
		t->r->pool->target, err);

	if (!token)
		return -1;
	t->given = true;
	t->given_seq = t->r->slot.state.seq;
	return e->ops->give_token(e, t->r->name, token, err);
}

static int delete_runner(const struct run *run, struct track *t,
	struct dr_err *err)
{
	struct dr_err why = DR_ERR_INIT;
	uint64_t now = clock_mono_ns();

	if (now < t->delete_at && t->r->slot.state.seq == t->delete_seq)
		return 0;
	if (hub_delete(run->c->hub, t->r, &why) == 0) {
		log_info("%s: off GitHub", t->r->name);
		t->r->hub = HUB_ABSENT;
		t->progress_at = now;
		return 0;
	}
	if (why.code != DR_BUSY) {
		*err = why;
		return dr_err_prefix(err, "%s", t->r->name);
	}
	if (t->delete_at == 0)
		tell_waiting(t);
	t->delete_at = now + DELETE_PAUSE_NS;
	t->delete_seq = t->r->slot.state.seq;
	return 0;
}

static int forget_runner(const struct run *run, struct track *t,
	struct dr_err *err)
{
	struct engine *e = run->c->engine;

	t->delete_at = 0;
	return e->ops->remove(e, t->r->name, err);
}

static int desire(const struct run *run, struct track *t, enum slot_want want,
	struct dr_err *err)
{
	struct engine *e = run->c->engine;

	if (want == SLOT_NOW && t->r->slot.state.phase == PHASE_BUSY)
		log_info("%s: cancels its job", t->r->name);
	return e->ops->desire(e, t->r->name, want, err);
}

static int fail(struct track *t, enum dr_code code, struct dr_err *err)
{
	const struct slot_state *s = &t->r->slot.state;

	return dr_err_set(err, code, "%s: %s", t->r->name,
		s->reason ? s->reason : slot_phase_name(s->phase));
}

static int refuse(struct track *t, struct dr_err *err)
{
	return dr_err_set(err, DR_BUSY,
		"%s: GitHub has a runner of this name that is not ours (id "
		"%lld); remove it there if nobody needs it, or give the pool "
		"another \"runner_name\"",
		t->r->name, (long long)t->r->hub_id);
}

/* 1: something was done, observe again at once; 0: wait */
static int act(const struct run *run, struct track *t, enum action action,
	struct dr_err *err)
{
	switch (action) {
	case ACT_DONE:
		t->done = true;
		return 0;
	case ACT_WAIT:
		return 0;
	case ACT_REFUSE:
		return refuse(t, err);
	case ACT_FAIL:
		return fail(t,
			t->r->slot.state.phase == PHASE_UNREGISTERED
				? DR_FAILED
				: DR_ENGINE,
			err);
	case ACT_FORGET:
		return forget_runner(run, t, err) < 0 ? -1 : 1;
	case ACT_START:
		return start_runner(run, t, err) < 0 ? -1 : 1;
	case ACT_REGISTER:
		return register_runner(run, t, err) < 0 ? -1 : 1;
	case ACT_DELETE:
		if (delete_runner(run, t, err) < 0)
			return -1;
		return t->r->hub == HUB_ABSENT;
	case ACT_RUN:
		return desire(run, t, SLOT_RUN, err) < 0 ? -1 : 1;
	case ACT_DRAIN:
		return desire(run, t, SLOT_DRAIN, err) < 0 ? -1 : 1;
	case ACT_END:
		return desire(run, t, SLOT_STOP, err) < 0 ? -1 : 1;
	case ACT_CANCEL:
		return desire(run, t, SLOT_NOW, err) < 0 ? -1 : 1;
	}
	return 0;
}

/* Observing */

static bool registers(const struct track *t)
{
	const struct slot_state *s = &t->r->slot.state;

	/* one whose supervisor died meanwhile will not come to an end */
	return t->given && t->r->slot.alive && !t->done && !t->failed &&
		(s->phase == PHASE_REGISTERING ||
			(s->phase == PHASE_UNREGISTERED &&
				s->seq <= t->given_seq));
}

static struct wish wish_of(const struct run *run, const struct track *t)
{
	const struct engine_slot *slot = &t->r->slot;
	int registering = 0;

	for (size_t i = 0; i < run->n; i++)
		registering += registers(&run->v[i]);
	return (struct wish){
		.goal = t->goal,
		.now = run->c->now,
		.outdated = t->goal == GOAL_RUNNING && slot->spec &&
			!spec_matches(&t->spec, slot->spec),
		.may_register = registering < CONVERGE_REGISTER_MAX,
		.tried = t->given && slot->state.seq > t->given_seq,
	};
}

static int step(const struct run *run, struct track *t)
{
	struct wish wish = wish_of(run, t);
	int rc;

	note_progress(t);
	/* what was registered meanwhile is newer than GitHub's list */
	if (run->c->hub && t->r->slot.registration.id != t->known_id) {
		t->known_id = t->r->slot.registration.id;
		t->r->hub = t->known_id > 0 ? HUB_OURS : HUB_ABSENT;
	}
	/* a token was handed over, and nothing has come of it yet */
	if (registers(t))
		return 0;
	rc = act(run, t, reconcile(&wish, &t->r->slot, t->r->hub), &t->err);
	if (rc > 0)
		t->progress_at = clock_mono_ns();
	/* no failure of this runner: the loop ends, and says how to go on */
	if (rc < 0 && t->err.code != DR_INTERRUPTED)
		t->failed = true;
	return rc > 0;
}

static void check_stuck(const struct run *run, struct track *t)
{
	const struct slot_state *s = &t->r->slot.state;
	uint64_t waited = clock_mono_ns() - t->progress_at;

	if (t->done || t->failed || s->phase == PHASE_BUSY ||
		waited < (uint64_t)run->c->stuck_s * 1000000000u)
		return;
	dr_err_set(&t->err, DR_TIMEOUT,
		"%s: still %s after %d s%s%s; \"deskrun-runner logs %s\" may "
		"say more",
		t->r->name, slot_phase_name(s->phase), run->c->stuck_s,
		s->reason ? ": " : "", s->reason ? s->reason : "", t->r->name);
	t->failed = true;
}

static int round_of(struct run *run, bool *acted, bool *left,
	struct dr_err *err)
{
	*acted = *left = false;
	if (roster_observe(run->c->roster, run->c->engine, err) < 0)
		return -1;
	for (size_t i = 0; i < run->n; i++) {
		struct track *t = &run->v[i];

		if (t->done || t->failed)
			continue;
		*acted |= step(run, t);
		check_stuck(run, t);
		*left |= !t->done && !t->failed;
	}
	return 0;
}

static int check_limits(const struct run *run, struct dr_err *err)
{
	uint64_t passed = clock_mono_ns() - run->started_at;
	int limit = run->c->timeout_s;

	if (run->c->interrupted && *run->c->interrupted)
		return dr_err_set(err, DR_INTERRUPTED,
			"interrupted; run the "
			"same command again to go on");
	if (limit > 0 && passed > (uint64_t)limit * 1000000000u)
		return dr_err_set(err, DR_TIMEOUT,
			"not done after %d s; run "
			"the same command again to go on",
			limit);
	return 0;
}

static int loop(struct run *run, struct dr_err *err)
{
	bool acted, left;

	for (;;) {
		if (check_limits(run, err) < 0)
			return -1;
		if (round_of(run, &acted, &left, err) < 0)
			return -1;
		if (!left)
			return 0;
		if (!acted)
			run->c->engine->ops->wait(run->c->engine, WAIT_MS);
	}
}

/* The failures of all runners as one error */
static int summary(const struct run *run, struct dr_err *err)
{
	const struct track *first = NULL;
	size_t failed = 0;

	for (size_t i = 0; i < run->n; i++) {
		if (!run->v[i].failed)
			continue;
		if (!first)
			first = &run->v[i];
		failed++;
	}
	if (failed == 0)
		return 0;
	if (failed == 1) {
		*err = first->err;
		return -1;
	}
	for (size_t i = 0; i < run->n; i++)
		if (run->v[i].failed)
			log_warn("%s", run->v[i].err.msg);
	return dr_err_set(err, first->err.code, "%zu of %zu runners failed",
		failed, run->n);
}

static int begin(struct run *run, struct dr_err *err)
{
	const struct converge *c = run->c;

	run->n = c->roster->n;
	run->started_at = clock_mono_ns();
	run->v = calloc(run->n ? run->n : 1, sizeof(*run->v));
	if (!run->v)
		return dr_err_oom(err);
	for (size_t i = 0; i < run->n; i++) {
		struct track *t = &run->v[i];

		t->r = &c->roster->v[i];
		t->goal = t->r->pool ? c->goal : c->rest;
		t->progress_at = run->started_at;
		t->known_id = t->r->slot.registration.id;
		t->shown = t->r->slot.state.phase;
		t->shown_epoch = t->r->slot.state.epoch;
		if (t->goal == GOAL_RUNNING &&
			spec_make(c->common, t->r->pool, t->r->name, &t->spec) <
				0)
			return dr_err_oom(err);
	}
	return 0;
}

/* A token that nobody took would stay on the disk. */
static void take_tokens_back(const struct run *run)
{
	struct engine *e = run->c->engine;
	struct dr_err ignored = DR_ERR_INIT;

	for (size_t i = 0; i < run->n; i++)
		if (run->v[i].given)
			e->ops->give_token(e, run->v[i].r->name, NULL,
				&ignored);
}

int converge(const struct converge *c, struct dr_err *err)
{
	struct run run = {.c = c};
	int rc = begin(&run, err);

	if (rc == 0)
		rc = loop(&run, err);
	if (run.v)
		take_tokens_back(&run);
	if (rc == 0)
		rc = summary(&run, err);
	for (size_t i = 0; run.v && i < run.n; i++)
		slot_spec_clear(&run.v[i].spec);
	free(run.v);
	return rc;
}
