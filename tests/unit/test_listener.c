/* init/listener_rules and init/environment: how a Listener lives and ends. */
#include "unit.h"

#include "init/environment.h"
#include "init/ground.h"
#include "init/listener_rules.h"
#include "util/cleanup.h"
#include "util/strv.h"

static int exited(int code)
{
	return code << 8;
}

static enum listener_fate fate(struct listener_end end, const char *said,
	char reason[256])
{
	return listener_rule(&end, said, reason, 256);
}

static void every_exit_code_has_its_fate(void **state)
{
	static const struct {
		int code;
		enum listener_fate fate;
		const char *words;
	} cases[] = {
		{0, FATE_RESTART, "ended by itself"},
		{1, FATE_RESTART, "gave up"},
		{2, FATE_RESTART, "may be tried again"},
		{3, FATE_RESTART_SOON, "update"},
		{4, FATE_RESTART_SOON, "update"},
		{5, FATE_RESTART, "session"},
		{6, FATE_RESTART_SOON, "configuration"},
		{7, FATE_RESTART, "version"},
		{99, FATE_RESTART, "code 99"},
		{127, FATE_RESTART, "executed"},
		{143, FATE_RESTART, "code 143"},
	};
	char reason[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listener_end end = {
			.status = exited(cases[i].code), .registered = true};

		assert_int_equal(fate(end, "", reason), cases[i].fate);
		assert_non_null(strstr(reason, cases[i].words));
	}
}

static void its_own_complaint_is_part_of_the_reason(void **state)
{
	struct listener_end end = {.status = exited(1), .registered = true};
	char reason[256];

	(void)state;
	fate(end, "An error occurred: no way", reason);
	assert_non_null(strstr(reason, ": An error occurred: no way"));
}

static void a_deleted_registration_is_not_tried_again(void **state)
{
	char reason[256];

	(void)state;
	assert_int_equal(fate((struct listener_end){.status = exited(0)}, "",
				 reason),
		FATE_DEREGISTERED);
	assert_int_equal(fate((struct listener_end){.status = exited(1),
				      .registered = true,
				      .said_deleted = true},
				 "", reason),
		FATE_DEREGISTERED);
	/* also when we had told it to end */
	assert_int_equal(fate((struct listener_end){.status = exited(0),
				      .asked = true},
				 "", reason),
		FATE_DEREGISTERED);
}

static void an_end_that_was_asked_for_is_no_failure(void **state)
{
	char reason[256];

	(void)state;
	assert_int_equal(fate((struct listener_end){.status = exited(0),
				      .registered = true,
				      .asked = true},
				 "", reason),
		FATE_ENDED);
	assert_int_equal(fate((struct listener_end){.status = 9,
				      .registered = true,
				      .asked = true},
				 "", reason),
		FATE_ENDED);
}

static void a_signal_is_named(void **state)
{
	char reason[256];

	(void)state;
	assert_int_equal(fate((struct listener_end){.status = 9,
				      .registered = true},
				 "", reason),
		FATE_RESTART);
	assert_non_null(strstr(reason, "signal 9"));
	assert_int_equal(listener_code(9), 137);
	assert_int_equal(listener_code(exited(5)), 5);
}

static void the_back_off_doubles_up_to_a_minute(void **state)
{
	static const uint64_t ms[] = {
		1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(ms); i++)
		assert_int_equal(listener_backoff_ms(i + 1), ms[i]);
	assert_int_equal(listener_backoff_ms(1000000), 60000);
}

static void its_lines_are_understood(void **state)
{
	(void)state;
	assert_int_equal(
		listener_said("2026-11-25 03:07:46Z: Listening for Jobs"),
		SAID_LISTENING);
	assert_int_equal(
		listener_said("A session for this runner already exists."),
		SAID_CONFLICT);
	assert_int_equal(listener_said("Failed to create a session. The "
				       "runner registration has been deleted "
				       "from the server, please re-configure."),
		SAID_DELETED);
	assert_int_equal(
		listener_said("2026-11-25 03:07:46Z: Runner connect error: "
			      "Connection refused. Retrying until "
			      "reconnected."),
		SAID_OFFLINE);
	assert_int_equal(listener_said("Running job: Listening"), SAID_NOTHING);
}

/* Environments */

static struct slot_spec spec_of(char **env, char *ca)
{
	return (struct slot_spec){.env = env, .ca_file = ca};
}

static void the_token_is_in_one_environment_alone(void **state)
{
	char *env[] = {(char *)"A=1", NULL};
	struct slot_spec spec = spec_of(env, NULL);
	auto_strv char **listener = environment_listener(&spec, "/s");
	auto_strv char **config = environment_config(&spec, "/s", "T0K");

	(void)state;
	assert_string_equal(strv_env_get(config, "ACTIONS_RUNNER_INPUT_TOKEN"),
		"T0K");
	for (char **var = listener; *var; var++)
		assert_null(strstr(*var, "T0K"));
	assert_string_equal(strv_env_get(listener, "HOME"), "/s/root");
	assert_string_equal(strv_env_get(listener, "A"), "1");
	assert_non_null(strv_env_get(listener, "PATH"));
}

static void nothing_switches_the_hooks_off(void **state)
{
	char *env[] = {
		(char *)"ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/bin/true", NULL};
	/* .env of the runner's root comes through the Listener */
	char *shim[] = {(char *)"ACTIONS_RUNNER_HOOK_JOB_STARTED=",
		(char *)"ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/bin/true",
		(char *)"DESKRUN_SLOT=/s", (char *)"HOME=/s/root",
		(char *)"DOTNET_EnableDiagnostics=0", (char *)"KEEP=1", NULL};
	struct slot_spec spec = spec_of(env, NULL);
	auto_strv char **worker = environment_worker(&spec, shim);

	(void)state;
	assert_string_equal(strv_env_get(worker,
				    "ACTIONS_RUNNER_HOOK_JOB_STARTED"),
		WORLD_OWN_DIR "/job-started.sh");
	assert_string_equal(strv_env_get(worker,
				    "ACTIONS_RUNNER_HOOK_JOB_COMPLETED"),
		WORLD_OWN_DIR "/job-completed.sh");
	assert_null(strv_env_get(worker, "DESKRUN_SLOT"));
	assert_null(strv_env_get(worker, "DOTNET_EnableDiagnostics"));
	assert_string_equal(strv_env_get(worker, "HOME"), "/root");
	assert_string_equal(strv_env_get(worker, "KEEP"), "1");
	assert_int_equal(strv_len(worker), 4);
}

static void what_the_pool_sets_reaches_the_worker(void **state)
{
	char *env[] = {(char *)"DOTNET_EnableDiagnostics=1", NULL};
	struct slot_spec spec = spec_of(env, (char *)"/etc/ca.pem");
	auto_strv char **listener = environment_listener(&spec, "/s");
	auto_strv char **worker = environment_worker(&spec, listener);

	(void)state;
	assert_string_equal(strv_env_get(worker, "DOTNET_EnableDiagnostics"),
		"1");
	assert_string_equal(strv_env_get(listener, "SSL_CERT_FILE"),
		"/etc/ca.pem");
	assert_string_equal(strv_env_get(worker, "SSL_CERT_FILE"),
		WORLD_OWN_DIR "/ca.pem");
	assert_string_equal(strv_env_get(worker, "NODE_EXTRA_CA_CERTS"),
		WORLD_OWN_DIR "/ca.pem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_exit_code_has_its_fate),
		cmocka_unit_test(its_own_complaint_is_part_of_the_reason),
		cmocka_unit_test(a_deleted_registration_is_not_tried_again),
		cmocka_unit_test(an_end_that_was_asked_for_is_no_failure),
		cmocka_unit_test(a_signal_is_named),
		cmocka_unit_test(the_back_off_doubles_up_to_a_minute),
		cmocka_unit_test(its_lines_are_understood),
		cmocka_unit_test(the_token_is_in_one_environment_alone),
		cmocka_unit_test(nothing_switches_the_hooks_off),
		cmocka_unit_test(what_the_pool_sets_reaches_the_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
