#include "github/github.h"

#include <sys/time.h>

#include "http_helper.h"
#include "net/http.h"
#include "util/clock.h"
#include "util/log.h"

static volatile sig_atomic_t interrupted;

struct fixture {
	struct http_client *http;
	struct github *gh;
	struct dr_err err;
};

static int set_up(void **state)
{
	static struct fixture f;
	const struct http_options options = {
		.user_agent = "deskrun-test", .interrupted = &interrupted};

	f = (struct fixture){.err = DR_ERR_INIT};
	interrupted = 0;
	f.http = http_client_new(&options, &f.err);
	*state = &f;
	return f.http ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	github_free(f->gh);
	http_client_free(f->http);
	return 0;
}

/* How the helper's GitHub behaves, the target's name tells. */
static struct github *github(struct fixture *f, const char *target, int wait_s)
{
	char url[64];
	const struct github_options options = {
		.http = f->http,
		.url = url,
		.target = target,
		.token = "ghp_secret",
		.wait_s = wait_s,
		.interrupted = &interrupted,
	};

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", helper.port);
	f->gh = github_new(&options, &f->err);
	assert_non_null(f->gh);
	return f->gh;
}

static void assert_failed(const struct fixture *f, enum dr_code code,
	const char *text)
{
	assert_int_equal(f->err.code, code);
	if (!strstr(f->err.msg, text))
		fail_msg("\"%s\" is not in \"%s\"", text, f->err.msg);
	assert_null(strstr(f->err.msg, "ghp_secret"));
}

static void a_token_and_a_runner_are_had(void **state)
{
	struct fixture *f = *state;
	struct github *gh = github(f, "o/plain", 0);
	struct github_runner runner;
	struct github_token token;
	bool found;

	assert_int_equal(github_check(gh, &f->err), 0);
	assert_int_equal(github_registration_token(gh, &token, &f->err), 0);
	assert_string_equal(token.value, "AABBCC");
	github_token_clear(&token);
	assert_int_equal(github_find_runner(gh, "desk-1", &found, &runner,
				 &f->err),
		0);
	assert_true(found && runner.id == 1 && runner.online);
	github_runner_clear(&runner);
	/* The helper ignores the filter, as an old server would. */
	assert_int_equal(github_find_runner(gh, "desk-2", &found, &runner,
				 &f->err),
		0);
	assert_false(found);
	assert_int_equal(github_delete_runner(gh, 1, &f->err), 0);
}

static void a_list_has_the_runners_of_all_pages(void **state)
{
	struct fixture *f = *state;
	struct github_runners runners;

	assert_int_equal(github_list_runners(github(f, "o/pages", 0), &runners,
				 &f->err),
		0);
	assert_int_equal(runners.n, 3);
	assert_string_equal(runners.v[2].name, "desk-3");
	github_runners_clear(&runners);
}

static void a_next_page_on_another_server_is_not_asked_for(void **state)
{
	struct fixture *f = *state;
	struct github_runners runners;

	assert_int_equal(github_list_runners(github(f, "o/elsewhere", 0),
				 &runners, &f->err),
		-1);
	assert_failed(f, DR_FAILED, "another server, 127.0.0.2");
}

/* 502, then a connection that breaks off, then an answer */
static void server_errors_are_tried_again(void **state)
{
	struct fixture *f = *state;
	struct github_token token;

	assert_int_equal(github_registration_token(github(f, "o/flaky", 0),
				 &token, &f->err),
		0);
	github_token_clear(&token);
}

static void a_server_that_never_works_is_given_up(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(github_check(github(f, "o/broken", 0), &f->err), -1);
	assert_failed(f, DR_NETWORK, "(500: Server Error), tried 3 times");
	assert_int_equal(f->err.http_status, 500);
}

static void a_short_limit_is_waited_for(void **state)
{
	struct fixture *f = *state;
	uint64_t begun = clock_mono_ns();

	assert_int_equal(github_check(github(f, "o/limited", 0), &f->err), 0);
	assert_true(clock_mono_ns() - begun >= 1000000000u);
}

static void a_long_limit_is_named_at_once(void **state)
{
	struct fixture *f = *state;
	uint64_t begun = clock_mono_ns();

	assert_int_equal(github_check(github(f, "o/spent", 0), &f->err), -1);
	assert_failed(f, DR_NETWORK, "rate limit is used up (403) until ");
	assert_true(clock_mono_ns() - begun < 1000000000u);
}

static void on_alarm(int number)
{
	(void)number;
	interrupted = 1;
}

static void an_interruption_ends_a_wait_at_once(void **state)
{
	struct fixture *f = *state;
	const struct itimerval soon = {.it_value.tv_usec = 200000};
	struct sigaction action = {.sa_handler = on_alarm};
	uint64_t begun = clock_mono_ns();

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(github_check(github(f, "o/spent", 7200), &f->err), -1);
	assert_failed(f, DR_INTERRUPTED, "interrupted");
	assert_true(clock_mono_ns() - begun < 1000000000u);
}

static void refusals_say_what_to_do(void **state)
{
	static const struct {
		const char *target;
		enum dr_code code;
		const char *text;
	} cases[] = {
		{"o/forbidden", DR_AUTH, "\"Administration: write\""},
		{"o/unauthorized", DR_AUTH, "make a new one"},
		{"o/hidden", DR_NOT_FOUND, "absent or not permitted"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(github_check(github(f, cases[i].target, 0),
					 &f->err),
			-1);
		assert_failed(f, cases[i].code, cases[i].text);
		assert_failed(f, cases[i].code, cases[i].target);
		github_free(f->gh);
		f->gh = NULL;
	}
}

static void nobody_there_is_said_with_the_purpose(void **state)
{
	struct fixture *f = *state;
	const struct github_options options = {.http = f->http,
		.url = "http://127.0.0.1:1",
		.target = "o/r",
		.token = "t"};

	f->gh = github_new(&options, &f->err);
	assert_int_equal(github_check(f->gh, &f->err), -1);
	assert_failed(f, DR_NETWORK,
		"look at the runners of o/r: connect to 127.0.0.1: connection "
		"refused");
}

static void a_busy_runner_is_not_deleted(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(github_delete_runner(github(f, "o/busy", 0), 1,
				 &f->err),
		-1);
	assert_failed(f, DR_BUSY, "still running a job");
}

static void a_runner_is_gone_only_when_the_list_confirms_it(void **state)
{
	struct fixture *f = *state;
	struct github *gh = github(f, "o/gone", 0);

	/* It lists runner 1 alone. */
	assert_int_equal(github_delete_runner(gh, 2, &f->err), 0);
	assert_int_equal(github_delete_runner(gh, 1, &f->err), -1);
	assert_failed(f, DR_NOT_FOUND, "absent or not permitted");
	github_free(gh);
	assert_int_equal(github_delete_runner(github(f, "o/hidden", 0), 2,
				 &f->err),
		-1);
	assert_failed(f, DR_NOT_FOUND, "list the runners of o/hidden");
}

static void the_offered_release_is_taken_and_a_pinned_one_looked_for(
	void **state)
{
	struct fixture *f = *state;
	struct github *gh = github(f, "o/offer", 0);
	struct github_release release;

	assert_int_equal(github_find_release(gh, NULL, &release, &f->err), 0);
	assert_string_equal(release.version, "2.336.0");
	assert_string_equal(release.token, "temporary");
	github_release_clear(&release);
	/* The one that is offered anyway comes with its token. */
	assert_int_equal(github_find_release(gh, "2.336.0", &release, &f->err),
		0);
	assert_string_equal(release.token, "temporary");
	github_release_clear(&release);
	assert_int_equal(github_find_release(gh, "2.335.0", &release, &f->err),
		0);
	assert_string_equal(release.version, "2.335.0");
	assert_int_equal(release.sha256[0], '1');
	assert_null(release.token);
	github_release_clear(&release);
	assert_int_equal(github_find_release(gh, "1.0.0", &release, &f->err),
		-1);
	assert_failed(f, DR_NOT_FOUND, "no release 1.0.0");
	assert_int_equal(github_find_release(gh, "../x", &release, &f->err),
		-1);
	assert_failed(f, DR_CONFIG, "../x");
}

static void a_group_is_found_or_those_that_exist_are_named(void **state)
{
	struct fixture *f = *state;
	struct github *gh = github(f, "groups", 0);
	struct github_group group;

	assert_int_equal(github_find_group(gh, NULL, &group, &f->err), 0);
	assert_int_equal(group.id, 1);
	assert_false(group.allows_public_repositories);
	github_group_clear(&group);
	assert_int_equal(github_find_group(gh, "desks", &group, &f->err), 0);
	assert_int_equal(group.id, 7);
	assert_true(group.allows_public_repositories);
	github_group_clear(&group);
	assert_int_equal(github_find_group(gh, "absent", &group, &f->err), -1);
	assert_failed(f, DR_NOT_FOUND, "there are: Default, Desks");
}

static void a_repository_has_no_groups_and_may_be_public(void **state)
{
	struct fixture *f = *state;
	struct github *gh = github(f, "o/public", 0);
	struct github_group group;
	bool is_public = false;

	assert_int_equal(github_repository_is_public(gh, &is_public, &f->err),
		0);
	assert_true(is_public);
	assert_int_equal(github_find_group(gh, NULL, &group, &f->err), 0);
	assert_int_equal(group.id, 0);
	github_group_clear(&group);
	assert_int_equal(github_find_group(gh, "desks", &group, &f->err), -1);
	assert_failed(f, DR_CONFIG, "o/public is a repository");
}

static void a_token_cannot_carry_a_header(void **state)
{
	struct fixture *f = *state;
	const struct github_options options = {.http = f->http,
		.url = "https://github.com",
		.target = "o/r",
		.token = "ghp_secret\r\nX-Evil: 1"};

	assert_null(github_new(&options, &f->err));
	assert_failed(f, DR_AUTH, "characters");
}

static int start_all(void **state)
{
	(void)state;
	log_init("test", LOG_QUIET);
	return helper_start(NULL);
}

static int stop_all(void **state)
{
	(void)state;
	helper_stop();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_and_a_runner_are_had),
		TEST(a_list_has_the_runners_of_all_pages),
		TEST(a_next_page_on_another_server_is_not_asked_for),
		TEST(server_errors_are_tried_again),
		TEST(a_server_that_never_works_is_given_up),
		TEST(a_short_limit_is_waited_for),
		TEST(a_long_limit_is_named_at_once),
		TEST(an_interruption_ends_a_wait_at_once),
		TEST(refusals_say_what_to_do),
		TEST(nobody_there_is_said_with_the_purpose),
		TEST(a_busy_runner_is_not_deleted),
		TEST(a_runner_is_gone_only_when_the_list_confirms_it),
		TEST(the_offered_release_is_taken_and_a_pinned_one_looked_for),
		TEST(a_group_is_found_or_those_that_exist_are_named),
		TEST(a_repository_has_no_groups_and_may_be_public),
		TEST(a_token_cannot_carry_a_header),
	};

	return cmocka_run_group_tests_name("github", tests, start_all,
		stop_all);
}
