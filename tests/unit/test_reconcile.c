#include "unit.h"

#include "runner/reconcile.h"

static struct engine_slot fresh(void)
{
	return (struct engine_slot){0};
}

/* A registered, idle runner with a living supervisor */
static struct engine_slot idle(void)
{
	return (struct engine_slot){
		.exists = true,
		.alive = true,
		.spec = (char *)"{}",
		.registration = {.id = 7},
		.desired = {.want = SLOT_RUN, .generation = 1},
		.state = {.epoch = 1, .phase = PHASE_IDLE},
	};
}

static const struct wish run = {.goal = GOAL_RUNNING, .may_register = true};
static const struct wish gone = {.goal = GOAL_GONE};
static const struct wish gone_now = {.goal = GOAL_GONE, .now = true};
static const struct wish ended = {.goal = GOAL_ENDED};

static void an_absent_runner_is_started(void **state)
{
	struct engine_slot slot = fresh();

	(void)state;
	assert_int_equal(reconcile(&run, &slot, HUB_ABSENT), ACT_START);
}

static void an_idle_runner_is_left_alone(void **state)
{
	struct engine_slot slot = idle();

	(void)state;
	assert_int_equal(reconcile(&run, &slot, HUB_OURS), ACT_DONE);
	slot.state.phase = PHASE_BUSY;
	assert_int_equal(reconcile(&run, &slot, HUB_OURS), ACT_DONE);
}

static void a_foreign_name_is_refused_whatever_we_have(void **state)
{
	struct engine_slot slot = fresh();

	(void)state;
	assert_int_equal(reconcile(&run, &slot, HUB_FOREIGN), ACT_REFUSE);
	slot = idle();
	assert_int_equal(reconcile(&run, &slot, HUB_FOREIGN), ACT_REFUSE);
}

static void a_foreign_runner_is_never_deleted(void **state)
{
	struct engine_slot slot = idle();

	(void)state;
	slot.desired.want = SLOT_DRAIN;
	assert_int_equal(reconcile(&gone, &slot, HUB_FOREIGN), ACT_END);
	slot.alive = false;
	assert_int_equal(reconcile(&gone, &slot, HUB_FOREIGN), ACT_FORGET);
}

static void registering_waits_for_its_turn(void **state)
{
	struct engine_slot slot = idle();
	struct wish wish = run;

	(void)state;
	slot.registration.id = 0;
	slot.state.phase = PHASE_UNREGISTERED;
	assert_int_equal(reconcile(&wish, &slot, HUB_ABSENT), ACT_REGISTER);
	wish.may_register = false;
	assert_int_equal(reconcile(&wish, &slot, HUB_ABSENT), ACT_WAIT);
}

static void a_failed_registration_is_reported(void **state)
{
	struct engine_slot slot = idle();
	struct wish wish = run;

	(void)state;
	slot.registration.id = 0;
	slot.state.phase = PHASE_UNREGISTERED;
	slot.state.reason = (char *)"no such group";
	wish.tried = true;
	assert_int_equal(reconcile(&wish, &slot, HUB_ABSENT), ACT_FAIL);
	/* what an earlier command met is tried again */
	wish.tried = false;
	assert_int_equal(reconcile(&wish, &slot, HUB_ABSENT), ACT_REGISTER);
}

static void an_interrupted_stop_is_undone_by_start(void **state)
{
	struct engine_slot slot = idle();

	(void)state;
	slot.desired.want = SLOT_DRAIN;
	slot.state.phase = PHASE_DRAINED;
	assert_int_equal(reconcile(&run, &slot, HUB_OURS), ACT_RUN);
}

/* Plays GitHub and the supervisor, and returns the actions in order. */
static int play(const struct wish *wish, struct engine_slot *slot,
	enum hub_presence hub, enum action *seen, int max)
{
	struct wish still_outdated = *wish;

	for (int n = 0; n < max; n++) {
		enum action a = reconcile(wish, slot, hub);

		seen[n] = a;
		switch (a) {
		case ACT_DRAIN:
			slot->desired.want = SLOT_DRAIN;
			break;
		case ACT_DELETE:
			hub = HUB_ABSENT;
			break;
		case ACT_END:
			slot->desired.want = SLOT_STOP;
			break;
		case ACT_CANCEL:
			slot->desired.want = SLOT_NOW;
			break;
		case ACT_WAIT:
			slot->alive = false;
			break;
		case ACT_FORGET:
			slot->registration.id = 0;
			slot->spec = NULL;
			still_outdated.outdated = false;
			wish = &still_outdated;
			break;
		case ACT_START:
			slot->alive = true;
			slot->desired.want = SLOT_RUN;
			slot->state.phase = PHASE_UNREGISTERED;
			break;
		default:
			return n + 1;
		}
	}
	return max;
}

static void stop_drains_deletes_ends_and_forgets_in_this_order(void **state)
{
	static const enum action want[] = {
		ACT_DRAIN, ACT_DELETE, ACT_END, ACT_WAIT, ACT_FORGET, ACT_DONE};
	struct engine_slot slot = idle();
	enum action seen[16];

	(void)state;
	assert_int_equal(play(&gone, &slot, HUB_OURS, seen, 16), 6);
	assert_memory_equal(seen, want, sizeof(want));
}

static void stop_now_cancels_before_it_deletes(void **state)
{
	static const enum action want[] = {
		ACT_CANCEL, ACT_WAIT, ACT_DELETE, ACT_FORGET, ACT_DONE};
	struct engine_slot slot = idle();
	enum action seen[16];

	(void)state;
	assert_int_equal(play(&gone_now, &slot, HUB_OURS, seen, 16), 5);
	assert_memory_equal(seen, want, sizeof(want));
}

static void a_local_stop_keeps_the_registration(void **state)
{
	static const enum action want[] = {ACT_END, ACT_WAIT, ACT_DONE};
	struct engine_slot slot = idle();
	enum action seen[16];

	(void)state;
	assert_int_equal(play(&ended, &slot, HUB_UNKNOWN, seen, 16), 3);
	assert_memory_equal(seen, want, sizeof(want));
	assert_int_equal(slot.registration.id, 7);
}

static void a_changed_runner_is_replaced_after_its_job(void **state)
{
	static const enum action want[] = {ACT_DRAIN, ACT_DELETE, ACT_END,
		ACT_WAIT, ACT_FORGET, ACT_START};
	struct engine_slot slot = idle();
	struct wish wish = run;
	enum action seen[6];

	(void)state;
	wish.outdated = true;
	assert_int_equal(play(&wish, &slot, HUB_OURS, seen, 6), 6);
	assert_memory_equal(seen, want, sizeof(want));
}

static void what_github_forgot_is_registered_anew(void **state)
{
	static const enum action want[] = {ACT_FORGET, ACT_START, ACT_REGISTER};
	struct engine_slot slot = idle();
	enum action seen[3];

	(void)state;
	slot.alive = false;
	assert_int_equal(play(&run, &slot, HUB_ABSENT, seen, 3), 3);
	assert_memory_equal(seen, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_absent_runner_is_started),
		cmocka_unit_test(an_idle_runner_is_left_alone),
		cmocka_unit_test(a_foreign_name_is_refused_whatever_we_have),
		cmocka_unit_test(a_foreign_runner_is_never_deleted),
		cmocka_unit_test(registering_waits_for_its_turn),
		cmocka_unit_test(a_failed_registration_is_reported),
		cmocka_unit_test(an_interrupted_stop_is_undone_by_start),
		cmocka_unit_test(
			stop_drains_deletes_ends_and_forgets_in_this_order),
		cmocka_unit_test(stop_now_cancels_before_it_deletes),
		cmocka_unit_test(a_local_stop_keeps_the_registration),
		cmocka_unit_test(a_changed_runner_is_replaced_after_its_job),
		cmocka_unit_test(what_github_forgot_is_registered_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
