/*
 * The gate: how a Listener is made to end between two jobs, without a window
 * in which GitHub hands it one more.
 *
 * GitHub may hand out the next job as soon as the Worker has reported this
 * one complete, some 50 ms before it exits. So the Listener is told to end
 * before that, at the completed hook: it leaves its message loop, keeps the
 * job's lock, and sends the Worker a shutdown message, which the relay holds
 * back. Where the hook did not run, the same is done at the world's end, if
 * the Listener has not taken another job by then.
 */
#include "init/supervisor.h"
#include "util/log.h"

/* The Listener answers SIGINT in some 20 ms. */
#define GATE_MS 2000

/* WorkerProcess exit codes: 100 + TaskResult.Canceled */
#define CODE_CANCELLED 103

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

/*
 * Whether the Listener has, for all we know, taken the next job already: it
 * then cancels the Worker that seems to linger. That job must run.
 */
static bool took_another(const struct supervisor *s)
{
	const struct job *job = &s->job;

	return job->ended && job->end.code != CODE_CANCELLED &&
		(job->relay.passed[CHANNEL_CANCEL] > 0 ||
			relay_pending(&job->relay));
}

bool gate_close(struct supervisor *s)
{
	enum slot_want want = supervisor_want(s);

	if (s->gate.state == GATE_CLOSING)
		return true;
	if (s->gate.state == GATE_CLOSED || !s->job.shim ||
		(want != SLOT_DRAIN && want != SLOT_STOP) ||
		s->listener.pid <= 0 || s->listener.asked || took_another(s))
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
