#include "runner/reconcile.h"

static bool registered(const struct engine_slot *slot)
{
	return slot->registration.id > 0;
}

/* desire what, unless it is desired already */
static enum action desire(const struct engine_slot *slot, enum slot_want want,
	enum action action)
{
	return slot->desired.want == want ? ACT_WAIT : action;
}

/*
 * Ends the supervisor. A SIGINT to an idle Listener loses the job that is
 * handed out at that moment, so this comes after GitHub has let go of the
 * runner, or when it cannot be asked.
 */
static enum action end_supervisor(const struct wish *wish,
	const struct engine_slot *slot)
{
	if (wish->now)
		return desire(slot, SLOT_NOW, ACT_CANCEL);
	/* whoever cancelled before keeps cancelling */
	if (slot->desired.want == SLOT_NOW)
		return ACT_WAIT;
	return desire(slot, SLOT_STOP, ACT_END);
}

static enum action towards_ended(const struct wish *wish,
	const struct engine_slot *slot)
{
	return slot->alive ? end_supervisor(wish, slot) : ACT_DONE;
}

static enum action towards_gone(const struct wish *wish,
	const struct engine_slot *slot, enum hub_presence hub)
{
	if (!slot->exists)
		return ACT_DONE;
	if (slot->alive && wish->now)
		return end_supervisor(wish, slot);
	/* from here on no new Listener starts, and a busy one is gated */
	if (slot->alive && slot->desired.want == SLOT_RUN)
		return ACT_DRAIN;
	if (registered(slot) && hub == HUB_OURS)
		return ACT_DELETE;
	if (slot->alive)
		return end_supervisor(wish, slot);
	return registered(slot) || slot->spec ? ACT_FORGET : ACT_DONE;
}

static enum action running_phase(const struct wish *wish,
	const struct engine_slot *slot)
{
	switch (slot->state.phase) {
	case PHASE_IDLE:
	case PHASE_BUSY:
		return ACT_DONE;
	case PHASE_UNREGISTERED:
		if (wish->tried)
			return slot->state.reason ? ACT_FAIL : ACT_WAIT;
		return wish->may_register ? ACT_REGISTER : ACT_WAIT;
	case PHASE_FATAL:
		return ACT_FAIL;
	default:
		return ACT_WAIT;
	}
}

static enum action towards_running(const struct wish *wish,
	const struct engine_slot *slot, enum hub_presence hub)
{
	static const struct wish replace = {.goal = GOAL_GONE};

	if (hub == HUB_FOREIGN)
		return ACT_REFUSE;
	/* GitHub forgets a runner that was offline for long, or an
	 * administrator removed it; what is left of it serves nobody */
	if ((registered(slot) && hub == HUB_ABSENT) ||
		slot->state.phase == PHASE_DEREGISTERED || wish->outdated)
		return slot->alive || registered(slot)
			? towards_gone(&replace, slot, hub)
			: ACT_START;
	if (!slot->alive)
		return ACT_START;
	if (slot->desired.want != SLOT_RUN)
		return ACT_RUN;
	return running_phase(wish, slot);
}

enum action reconcile(const struct wish *wish, const struct engine_slot *slot,
	enum hub_presence hub)
{
	switch (wish->goal) {
	case GOAL_RUNNING:
		return towards_running(wish, slot, hub);
	case GOAL_GONE:
		return towards_gone(wish, slot, hub);
	case GOAL_ENDED:
		return towards_ended(wish, slot);
	}
	return ACT_FAIL;
}
