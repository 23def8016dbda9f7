#include "github/policy.h"

#include "unit.h"

#define NOW 1760000000

static const char rights[] = "Resource not accessible by personal access token";

struct judged {
	const char *label;
	struct policy_answer answer;
	enum policy_kind kind;
	int64_t wait_s; /* 0: not again */
};

static const struct judged table[] = {
	{"fine", {.status = 200}, POLICY_FINE, 0},
	{"deleted", {.status = 204, .remaining = "0"}, POLICY_FINE, 0},
	{"no token", {.status = 401}, POLICY_CREDENTIAL, 0},
	{"lacks a permission", {.status = 403, .remaining = "4999"},
		POLICY_FORBIDDEN, 0},
	{"absent", {.status = 404}, POLICY_ABSENT, 0},
	{"gone for good", {.status = 410}, POLICY_ABSENT, 0},
	{"busy", {.status = 422}, POLICY_REFUSED, 0},
	{"a redirect to nowhere", {.status = 302}, POLICY_REFUSED, 0},
	{"primary limit",
		{.status = 403, .remaining = "0", .reset = "1760000090"},
		POLICY_LIMIT, 90},
	{"primary limit by 429",
		{.status = 429, .remaining = "0", .reset = "1760000090"},
		POLICY_LIMIT, 90},
	{"a limit reset already",
		{.status = 403, .remaining = "0", .reset = "1759999999"},
		POLICY_LIMIT, 1},
	{"a limit that does not say when it is over",
		{.status = 403, .remaining = "0"}, POLICY_LIMIT, 60},
	{"told to wait, whatever the reset says",
		{.status = 403,
			.remaining = "0",
			.reset = "1760000001",
			.retry_after = "30"},
		POLICY_LIMIT, 30},
	{"secondary limit by header", {.status = 403, .retry_after = "7"},
		POLICY_SECONDARY, 7},
	{"secondary limit by message",
		{.status = 403,
			.remaining = "3000",
			.message = "You have exceeded a secondary rate limit"},
		POLICY_SECONDARY, 60},
	{"secondary limit, met again", {.status = 429, .tries = 3},
		POLICY_SECONDARY, 240},
	{"a wait of no time", {.status = 429, .retry_after = "0"},
		POLICY_SECONDARY, 1},
	{"a wait beyond numbers",
		{.status = 429, .retry_after = "99999999999999999999"},
		POLICY_SECONDARY, 60},
	{"a wait of years", {.status = 429, .retry_after = "999999999"},
		POLICY_SECONDARY, 7 * 24 * 3600},
	{"a wait that is no number",
		{.status = 429, .retry_after = "Fri, 31 Dec 1999 23:59:59 GMT"},
		POLICY_SECONDARY, 60},
	{"server error", {.status = 500}, POLICY_SERVER, 1},
	{"server error, second time", {.status = 502, .tries = 2},
		POLICY_SERVER, 3},
	{"server error, last time", {.status = 503, .tries = 3}, POLICY_SERVER,
		0},
	{"server that says when", {.status = 503, .retry_after = "20"},
		POLICY_SERVER, 20},
	{"no answer", {.status = 0}, POLICY_SERVER, 1},
	{"no answer, last time", {.status = 0, .tries = 3}, POLICY_SERVER, 0},
};

static void every_answer_has_its_consequence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct policy_answer a = table[i].answer;
		struct policy_verdict v;

		a.now = NOW;
		a.tries = a.tries ? a.tries : 1;
		a.message = a.message ? a.message : "";
		v = policy_judge(&a);
		if (v.kind != table[i].kind ||
			v.again != (table[i].wait_s > 0) ||
			(v.again && v.wait_s != table[i].wait_s))
			fail_msg("%s: kind %d, again %d, wait %lld",
				table[i].label, (int)v.kind, v.again,
				(long long)v.wait_s);
	}
}

static struct dr_err explained(const char *target, bool has_token,
	struct policy_answer a)
{
	struct dr_err err = DR_ERR_INIT;
	struct server server;
	struct policy_verdict v;
	struct policy_subject subject = {
		.server = &server,
		.what = "list the runners of X",
		.has_token = has_token,
	};

	assert_int_equal(server_parse("https://github.com", target, &server,
				 &err),
		0);
	a.now = NOW;
	a.tries = 3;
	a.message = a.message ? a.message : "";
	v = policy_judge(&a);
	assert_int_equal(policy_explain(&subject, &a, &v, &err), -1);
	assert_int_equal(err.http_status, a.status);
	assert_non_null(strstr(err.msg, "list the runners of X: "));
	server_clear(&server);
	return err;
}

static void assert_says(const struct dr_err *err, const char *text)
{
	if (!strstr(err->msg, text))
		fail_msg("\"%s\" is not in \"%s\"", text, err->msg);
}

static void a_bad_token_asks_for_a_new_one(void **state)
{
	struct dr_err err = explained("o/r", true,
		(struct policy_answer){
			.status = 401, .message = "Bad credentials"});

	(void)state;
	assert_int_equal(err.code, DR_AUTH);
	assert_says(&err, "Bad credentials");
	assert_says(&err, "make a new one");
	err = explained("o/r", false, (struct policy_answer){.status = 401});
	assert_int_equal(err.code, DR_AUTH);
	assert_says(&err, "wants a token");
}

static void a_missing_permission_is_named(void **state)
{
	struct policy_answer a = {
		.status = 403,
		.permissions = "administration=write",
		.message = rights,
	};
	struct dr_err err = explained("o/r", true, a);

	(void)state;
	assert_int_equal(err.code, DR_AUTH);
	assert_says(&err, "\"Administration: write\"");
	assert_says(&err, "administration=write");
	assert_says(&err, "the scope repo");
	err = explained("org", true, a);
	assert_says(&err, "\"Self-hosted runners: write\"");
	assert_says(&err, "admin:org");
	err = explained("enterprises/e", true, a);
	assert_says(&err, "manage_runners:enterprise");
}

static void a_classic_tokens_scopes_are_named(void **state)
{
	struct dr_err err = explained("org", true,
		(struct policy_answer){
			.status = 403,
			.scopes = "gist, read:org",
			.message = "Must have admin rights to Organization.",
		});

	(void)state;
	assert_says(&err, "the token needs the scope admin:org; it has gist, ");
	assert_null(strstr(err.msg, "Self-hosted runners: write"));
	err = explained("o/r", true,
		(struct policy_answer){
			.status = 404, .scopes = "public_repo, repo"});
	assert_says(&err, "has the scope repo, but its owner needs admin");
	err = explained("o/r", true,
		(struct policy_answer){.status = 404, .scopes = "public_repo"});
	assert_says(&err, "needs the scope repo; it has public_repo");
}

static void another_refusal_is_not_taken_for_a_permission(void **state)
{
	struct dr_err err = explained("o/r", true,
		(struct policy_answer){
			.status = 403,
			.message = "Repository was archived so is read-only.",
		});

	(void)state;
	assert_int_equal(err.code, DR_AUTH);
	assert_says(&err, "archived");
	assert_null(strstr(err.msg, "permission"));
}

static void a_404_is_absent_or_not_permitted(void **state)
{
	struct dr_err err = explained("o/r", true,
		(struct policy_answer){.status = 404, .message = "Not Found"});

	(void)state;
	assert_int_equal(err.code, DR_NOT_FOUND);
	assert_says(&err, "absent or not permitted");
	assert_says(&err, "\"Administration: write\"");
	err = explained("o/r", false, (struct policy_answer){.status = 404});
	assert_null(strstr(err.msg, "token"));
}

static void a_limit_names_when_it_is_over(void **state)
{
	struct policy_answer a = {
		.status = 403, .remaining = "0", .reset = "1760002400"};
	struct dr_err err = explained("o/r", true, a);

	(void)state;
	assert_int_equal(err.code, DR_NETWORK);
	assert_says(&err, "until 2025-10-09T09:33:20Z (in 40 minutes)");
	err = explained("o/r", false, a);
	assert_says(&err, "without a token");
	err = explained("o/r", true,
		(struct policy_answer){.status = 429, .retry_after = "90"});
	assert_int_equal(err.code, DR_NETWORK);
	assert_says(&err, "(in 90 s)");
}

static void a_server_error_is_a_network_failure(void **state)
{
	struct dr_err err = explained("o/r", true,
		(struct policy_answer){.status = 502});

	(void)state;
	assert_int_equal(err.code, DR_NETWORK);
	assert_says(&err, "502");
	assert_says(&err, "tried 3 times");
}

/* A message goes to a terminal, and into one line. */
static void what_github_says_cannot_break_the_line(void **state)
{
	char message[2000];
	struct dr_err err;

	(void)state;
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	memcpy(message, "a\nb\033[31mc", 10);
	err = explained("o/r", true,
		(struct policy_answer){.status = 418, .message = message});
	assert_int_equal(err.code, DR_FAILED);
	assert_says(&err, "a b [31mc");
	assert_null(strpbrk(err.msg, "\n\033"));
	assert_true(strlen(err.msg) < 500);
}

static void waits_are_told_by_the_servers_clock(void **state)
{
	(void)state;
	assert_int_equal(policy_clock("Thu, 09 Oct 2025 08:53:20 GMT", 5),
		1760000000);
	assert_int_equal(policy_clock("yesterday", 5), 5);
	assert_int_equal(policy_clock(NULL, 5), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_has_its_consequence),
		cmocka_unit_test(a_bad_token_asks_for_a_new_one),
		cmocka_unit_test(a_missing_permission_is_named),
		cmocka_unit_test(a_classic_tokens_scopes_are_named),
		cmocka_unit_test(another_refusal_is_not_taken_for_a_permission),
		cmocka_unit_test(a_404_is_absent_or_not_permitted),
		cmocka_unit_test(a_limit_names_when_it_is_over),
		cmocka_unit_test(a_server_error_is_a_network_failure),
		cmocka_unit_test(what_github_says_cannot_break_the_line),
		cmocka_unit_test(waits_are_told_by_the_servers_clock),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
