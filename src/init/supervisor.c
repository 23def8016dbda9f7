#include "init/supervisor.h"

#include "util/log.h"

/* An idle Listener has a session to delete, for which it takes 30 s at most. */
#define IDLE_MS 45000
/* A cancelled job's step has 10 s to end, then its hook and logs follow. */
#define CANCEL_MS 20000

enum slot_want supervisor_want(const struct supervisor *s)
{
	return s->forced > s->desired.want ? s->forced : s->desired.want;
}

void supervisor_say(struct supervisor *s, enum slot_event_type type,
	const char *reason)
{
	events_emit(&s->events,
		&(struct slot_event){.type = type, .reason = reason});
}

/* Only wakes the loop: supervisor_decide() sees that it is no longer set. */
static void on_settled(void *arg)
{
	(void)arg;
}

static bool shims_present(const struct supervisor *s)
{
	for (size_t i = 0; i < SHIMS_MAX; i++)
		if (s->shims[i].source.fd >= 0)
			return true;
	return false;
}

/* A job runs, or is about to. */
static bool busy(const struct supervisor *s)
{
	return job_running(s) || shims_present(s);
}

static void start_listener(struct supervisor *s)
{
	struct listener *l = &s->listener;
	struct dr_err err = DR_ERR_INIT;
	uint64_t pause;

	if (listener_start(s, &err) == 0)
		return;
	pause = listener_backoff_ms(++l->failures);
	loop_timer_set(&s->loop, &l->retry, pause);
	events_emit(&s->events,
		&(struct slot_event){.type = EV_LISTENER_EXITED,
			.code = 127,
			.reason = err.msg,
			.retry_ms = (int64_t)pause});
}

static void keep_running(struct supervisor *s)
{
	/* the next life begins when all of the last one is dead */
	if (s->listener.pid > 0 || s->listener.deregistered || busy(s))
		return;
	if (s->registration.pid > 0 || !registration_present(s))
		registration_try(s);
	else if (!s->listener.retry.set)
		start_listener(s);
}

static void on_now(void *arg)
{
	struct supervisor *s = arg;

	if (job_running(s)) {
		log_warn("the job did not end when cancelled; it is killed");
		job_kill(s);
	} else {
		listener_kill(s);
	}
}

static void cancel(struct supervisor *s)
{
	if (!s->now_begun) {
		s->now_begun = true;
		loop_timer_set(&s->loop, &s->now, CANCEL_MS);
		registration_kill(s);
		/* what a gate held back cancels the job now */
		relay_release(&s->job.relay);
	}
	listener_ask(s);
}

static void say_drained(struct supervisor *s)
{
	enum slot_phase phase = s->events.state.phase;

	if (s->listener.pid == 0 && !job_running(s) &&
		(phase == PHASE_STARTING || phase == PHASE_BACKOFF))
		supervisor_say(s, EV_DRAINED, NULL);
}

static void wind_down(struct supervisor *s, enum slot_want want)
{
	loop_timer_cancel(&s->loop, &s->listener.retry);
	say_drained(s);
	if (want == SLOT_DRAIN)
		return;
	if (want == SLOT_NOW) {
		cancel(s);
	} else if (!busy(s) && !s->settle.set) {
		listener_ask(s);
		listener_limit(s, IDLE_MS);
	}
	if (s->listener.pid > 0 || s->registration.pid > 0 || busy(s) ||
		wipes_pending(s))
		return;
	supervisor_say(s, EV_STOPPED, NULL);
	s->done = true;
	s->status = 0;
}

void supervisor_decide(struct supervisor *s)
{
	enum slot_want want = supervisor_want(s);
	struct shim *next;

	if (s->done)
		return;
	if (s->listener.pid == 0)
		gate_give_up(s);
	/* one world at a time, whatever the Listener does */
	while (!job_running(s) && (next = shims_next(s)))
		job_start(s, next);
	wipes_work(s);
	if (want == SLOT_RUN)
		keep_running(s);
	else
		wind_down(s, want);
}

void supervisor_init(struct supervisor *s)
{
	s->now = (struct loop_timer){.fire = on_now, .arg = s};
	s->settle = (struct loop_timer){.fire = on_settled, .arg = s};
}
