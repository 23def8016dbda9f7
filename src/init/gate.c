/*
 * The gate: how a Listener is made to end between two jobs, without a window
 * in which GitHub hands it one more.
 *
 * GitHub may hand out the next job as soon as the Worker has reported this
 * one complete, some 50 ms before it exits; a Listener that is signalled while
 * it takes a job loses it (tried). So it is told to end before that, at the
 * completed hook: it leaves its message loop, keeps the job's lock, and sends
 * the Worker a shutdown message, which the relay holds back.
 *
 * Where that hook did not run, or ran before the drain was desired, there is
 * no safe moment: the gate stays open, and the next job's hook closes it.
 */
#include "init/supervisor.h"
#include "util/log.h"

/* The Listener answers SIGINT in some 20 ms. */
#define GATE_MS 2000

static void closed(struct supervisor *s)
{
	loop_timer_cancel(&s->loop, &s->gate.patience);
	s->gate.state = GATE_CLOSED;
	job_gate_done(s);
}

static void on_held(void *arg, enum channel_type type)
{
	struct supervisor *s = arg;

	if (type == CHANNEL_SHUTDOWN || type == CHANNEL_OS_SHUTDOWN)
		closed(s);
	else
		relay_drop(&s->job.relay); /* a cancellation: too late */
}

static void on_patience(void *arg)
{
	struct supervisor *s = arg;

	log_warn("the Listener did not answer SIGINT within %d ms", GATE_MS);
	closed(s);
}

void gate_init(struct supervisor *s)
{
	s->gate = (struct gate){
		.patience = {.fire = on_patience, .arg = s},
	};
}

bool gate_close(struct supervisor *s)
{
	enum slot_want want = supervisor_want(s);

	if (s->gate.state == GATE_CLOSING)
		return true;
	if (s->gate.state == GATE_CLOSED || !s->job.shim ||
		(want != SLOT_DRAIN && want != SLOT_STOP) ||
		s->listener.pid <= 0 || s->listener.asked)
		return false;
	s->gate.state = GATE_CLOSING;
	s->job.relay.on_held = on_held;
	s->job.relay.arg = s;
	relay_hold(&s->job.relay);
	loop_timer_set(&s->loop, &s->gate.patience, GATE_MS);
	listener_ask(s);
	events_emit(&s->events,
		&(struct slot_event){
			.type = EV_GATED, .world = s->job.world.name});
	return true;
}

void gate_give_up(struct supervisor *s)
{
	if (s->gate.state == GATE_CLOSING)
		closed(s);
}

void gate_reset(struct supervisor *s)
{
	loop_timer_cancel(&s->loop, &s->gate.patience);
	s->gate.state = GATE_OPEN;
}
