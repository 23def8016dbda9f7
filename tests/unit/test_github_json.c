#include "github/answers.h"

#include "github/call.h"
#include "unit.h"
#include "util/strv.h"

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct answer answer(const char *text)
{
	return (struct answer){
		.text = text, .len = strlen(text), .what = "the call"};
}

/* As GitHub's published examples have it: an offset, and milliseconds */
static void a_registration_token_is_read_with_its_end(void **state)
{
	struct answer a = answer("{\"token\":\"LLBF3JGZDX3P5PMEXLND6TS6FCWO6\","
				 "\"expires_at\":"
				 "\"2020-01-22T12:13:35.123-08:00\"}");
	struct dr_err err = DR_ERR_INIT;
	struct github_token token;

	(void)state;
	assert_int_equal(answer_token(&a, &token, &err), 0);
	assert_string_equal(token.value, "LLBF3JGZDX3P5PMEXLND6TS6FCWO6");
	assert_int_equal(token.expires_ms, 1579724015123);
	github_token_clear(&token);
}

static void an_answer_without_what_is_needed_names_it(void **state)
{
	static const char *const cases[][2] = {
		{"{\"expires_at\":\"2020-01-22T12:13:35Z\"}", "\"token\""},
		{"{\"token\":\"a\\nb\",\"expires_at\":"
		 "\"2020-01-22T12:13:35Z\"}",
			"\"token\""},
		{"{\"token\":\"a\",\"expires_at\":\"soon\"}", "\"expires_at\""},
		{"[]", "\"token\""},
		{"", "not valid JSON"},
		{"<html>", "not valid JSON"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct answer a = answer(cases[i][0]);
		struct dr_err err = DR_ERR_INIT;
		struct github_token token;

		assert_int_equal(answer_token(&a, &token, &err), -1);
		assert_int_equal(err.code, DR_FAILED);
		assert_non_null(strstr(err.msg, "the call"));
		assert_non_null(strstr(err.msg, cases[i][1]));
		github_token_clear(&token);
	}
}

static const char runners_text[] =
	"{\"total_count\":2,\"runners\":[{\"id\":23,\"name\":\"linux_runner\","
	"\"os\":\"linux\",\"status\":\"online\",\"busy\":true,\"ephemeral\":"
	"false,\"version\":\"2.323.0\",\"runner_group_id\":1,\"labels\":["
	"{\"id\":5,\"name\":\"self-hosted\",\"type\":\"read-only\"},{\"id\":7,"
	"\"name\":\"X64\",\"type\":\"read-only\"},{\"id\":11,\"name\":\"linux\""
	",\"type\":\"custom\"}]},{\"id\":24,\"name\":\"mac\",\"os\":\"unknown\""
	",\"status\":\"offline\",\"busy\":false,\"labels\":[]}]}";

static void runners_are_read_page_after_page(void **state)
{
	struct answer a = answer(runners_text);
	struct github_runners runners = {0};
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(answer_runners(&a, &runners, &err), 0);
	assert_int_equal(answer_runners(&a, &runners, &err), 0);
	assert_int_equal(runners.n, 4);
	assert_int_equal(runners.v[0].id, 23);
	assert_string_equal(runners.v[0].name, "linux_runner");
	assert_string_equal(runners.v[0].version, "2.323.0");
	assert_true(runners.v[0].online && runners.v[0].busy);
	assert_int_equal(strv_len(runners.v[0].labels), 3);
	assert_true(strv_contains(runners.v[0].labels, "X64"));
	assert_string_equal(runners.v[3].os, "unknown");
	assert_false(runners.v[3].online || runners.v[3].busy);
	assert_null(runners.v[3].version);
	github_runners_clear(&runners);
}

static void a_list_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"{}", "[]", "{\"runners\":{}}",
		"{\"runners\":[{}]}", "{\"runners\":[{\"id\":1}]}",
		"{\"runners\":[{\"id\":\"1\",\"name\":\"a\"}]}",
		"{\"runners\":[7]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct answer a = answer(bad[i]);
		struct github_runners runners = {0};
		struct dr_err err = DR_ERR_INIT;

		assert_int_equal(answer_runners(&a, &runners, &err), -1);
		assert_int_equal(err.code, DR_FAILED);
		github_runners_clear(&runners);
	}
}

static const char downloads_text[] =
	"[{\"os\":\"osx\",\"architecture\":\"x64\",\"download_url\":\"https://"
	"h/o\",\"filename\":\"actions-runner-osx-x64-2.336.0.tar.gz\"},"
	"{\"os\":\"linux\",\"architecture\":\"arm64\",\"download_url\":"
	"\"https://h/a\",\"filename\":"
	"\"actions-runner-linux-arm64-2.336.0.tar.gz\"},"
	"{\"os\":\"linux\",\"architecture\":\"x64\",\"download_url\":"
	"\"https://h/x\",\"filename\":"
	"\"actions-runner-linux-x64-2.336.0.tar.gz\","
	"\"sha256_checksum\":\"0123456789ABCDEF0123456789abcdef0123456789abcdef"
	"0123456789abcdef\",\"temp_download_token\":\"t\"}]";

static void the_download_for_this_machine_is_picked(void **state)
{
	struct answer a = answer(downloads_text);
	struct github_release r;
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(answer_downloads(&a, "x64", &r, &err), 0);
	assert_string_equal(r.version, "2.336.0");
	assert_string_equal(r.url, "https://h/x");
	assert_string_equal(r.filename,
		"actions-runner-linux-x64-2.336.0.tar.gz");
	assert_string_equal(r.sha256, SUM);
	assert_string_equal(r.token, "t");
	github_release_clear(&r);
	/* The optional members may be absent. */
	assert_int_equal(answer_downloads(&a, "arm64", &r, &err), 0);
	assert_null(r.sha256);
	assert_null(r.token);
	github_release_clear(&r);
	assert_int_equal(answer_downloads(&a, "riscv", &r, &err), -1);
	assert_int_equal(err.code, DR_NOT_FOUND);
	github_release_clear(&r);
}

#define DOWNLOAD(filename, sum)                                               \
	"[{\"os\":\"linux\",\"architecture\":\"x64\",\"download_url\":\"u\"," \
	"\"filename\":\"" filename "\",\"sha256_checksum\":\"" sum "\"}]"

static void a_filename_cannot_be_a_path_nor_a_sum_be_short(void **state)
{
	static const char *const bad[] = {
		DOWNLOAD("../actions-runner-linux-x64-1.2.3.tar.gz", SUM),
		DOWNLOAD("actions-runner-linux-x64-1/2.tar.gz", SUM),
		DOWNLOAD("actions-runner-linux-x64-../2.tar.gz", SUM),
		DOWNLOAD("actions-runner-linux-x64-.tar.gz", SUM),
		DOWNLOAD("runner.tar.gz", SUM),
		DOWNLOAD("actions-runner-linux-x64-1.2.3.tar.gz", "abc"),
		DOWNLOAD("actions-runner-linux-x64-1.2.3.tar.gz", SUM "0"),
		DOWNLOAD("actions-runner-linux-x64-1.2.3.tar.gz", "x" SUM),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct answer a = answer(bad[i]);
		struct github_release r;
		struct dr_err err = DR_ERR_INIT;

		if (answer_downloads(&a, "x64", &r, &err) == 0)
			fail_msg("accepted: %s", bad[i]);
		github_release_clear(&r);
	}
}

#define RELEASE(digest, notes)                                                \
	"{\"tag_name\":\"v2.336.0\",\"assets\":[{\"name\":\"actions-runner-"  \
	"linux-x64-2.336.0.tar.gz\",\"browser_download_url\":\"https://h/x\"" \
	",\"digest\":" digest "}],\"body\":\"" notes "\"}"
#define NOTES(sum) \
	"sums\\n<!-- BEGIN SHA linux-x64 -->" sum "<!-- END SHA linux-x64 -->"

static void a_releases_sum_is_its_digest_or_its_notes(void **state)
{
	static const char *const good[] = {
		RELEASE("\"sha256:" SUM "\"", ""),
		RELEASE("null", NOTES(SUM)),
		RELEASE("\"sha256:" SUM "\"", NOTES(SUM)),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct answer a = answer(good[i]);
		struct github_release r;
		struct dr_err err = DR_ERR_INIT;

		if (answer_release(&a, "x64", &r, &err) < 0)
			fail_msg("%s", err.msg);
		assert_string_equal(r.version, "2.336.0");
		assert_string_equal(r.url, "https://h/x");
		assert_string_equal(r.sha256, SUM);
		github_release_clear(&r);
	}
}

static void a_release_that_contradicts_itself_is_refused(void **state)
{
	static const char *const bad[] = {
		RELEASE("\"sha256:" OTHER "\"", NOTES(SUM)),
		RELEASE("\"sha256:abc\"", NOTES(SUM)),
		RELEASE("null", NOTES("abc")),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct answer a = answer(bad[i]);
		struct github_release r;
		struct dr_err err = DR_ERR_INIT;

		assert_int_equal(answer_release(&a, "x64", &r, &err), -1);
		assert_int_equal(err.code, DR_FAILED);
		github_release_clear(&r);
	}
}

static void visibility_goes_before_private(void **state)
{
	static const struct {
		const char *text;
		int rc;
		bool is_public;
	} cases[] = {
		{"{\"private\":false,\"visibility\":\"public\"}", 0, true},
		{"{\"private\":true,\"visibility\":\"internal\"}", 0, false},
		{"{\"private\":false,\"visibility\":\"internal\"}", 0, false},
		{"{\"private\":false}", 0, true},
		{"{\"private\":true}", 0, false},
		{"{}", -1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct answer a = answer(cases[i].text);
		struct dr_err err = DR_ERR_INIT;
		bool is_public = false;

		assert_int_equal(answer_public(&a, &is_public, &err),
			cases[i].rc);
		assert_int_equal(is_public, cases[i].is_public);
	}
}

static void groups_are_read(void **state)
{
	struct answer a = answer(
		"{\"total_count\":2,\"runner_groups\":[{\"id\":1,\"name\":"
		"\"Default\",\"default\":true,\"allows_public_repositories\":"
		"true},{\"id\":2,\"name\":\"octo\",\"default\":false}]}");
	struct github_groups groups = {0};
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(answer_groups(&a, &groups, &err), 0);
	assert_int_equal(groups.n, 2);
	assert_true(groups.v[0].is_default);
	assert_true(groups.v[0].allows_public_repositories);
	assert_int_equal(groups.v[1].id, 2);
	assert_false(groups.v[1].allows_public_repositories);
	github_groups_clear(&groups);
}

static void a_refusals_message_is_found_or_there_is_none(void **state)
{
	static const char *const cases[][2] = {
		{"{\"message\":\"Not Found\",\"status\":\"404\"}", "Not Found"},
		{"{\"message\":7}", ""},
		{"<html>502</html>", ""},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct answer a = answer(cases[i][0]);
		struct dr_buf message;

		dr_buf_init(&message, 100);
		answer_message(&a, &message);
		assert_string_equal(message.data, cases[i][1]);
		dr_buf_clear(&message);
	}
}

static void the_next_page_is_the_one_called_so(void **state)
{
	static const char *const cases[][2] = {
		{"<https://h/r?page=2>; rel=\"next\", <https://h/r?page=5>; "
		 "rel=\"last\"",
			"https://h/r?page=2"},
		{"<https://h/1>; rel=\"prev\", <https://h/3>; rel=\"next\"",
			"https://h/3"},
		{"<https://h/1>; rel=\"first\", <https://h/1>; rel=\"prev\"",
			NULL},
		{"<>; rel=\"next\"", NULL},
		{"<https://h", NULL},
		{"", NULL},
	};
	char url[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool found = call_next_link(cases[i][0], url, sizeof(url));

		assert_int_equal(found, cases[i][1] != NULL);
		if (found)
			assert_string_equal(url, cases[i][1]);
	}
	assert_false(call_next_link("<https://h/1>; rel=\"next\"", url, 11));
}

static void a_name_is_escaped_for_a_query(void **state)
{
	struct dr_buf out;

	(void)state;
	dr_buf_init(&out, 100);
	call_escape(&out, "desk-1.a_~&b=c d/\xc3\xa9");
	assert_string_equal(out.data, "desk-1.a_~%26b%3Dc%20d%2F%C3%A9");
	dr_buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_token_is_read_with_its_end),
		cmocka_unit_test(an_answer_without_what_is_needed_names_it),
		cmocka_unit_test(runners_are_read_page_after_page),
		cmocka_unit_test(a_list_that_is_none_is_refused),
		cmocka_unit_test(the_download_for_this_machine_is_picked),
		cmocka_unit_test(
			a_filename_cannot_be_a_path_nor_a_sum_be_short),
		cmocka_unit_test(a_releases_sum_is_its_digest_or_its_notes),
		cmocka_unit_test(a_release_that_contradicts_itself_is_refused),
		cmocka_unit_test(visibility_goes_before_private),
		cmocka_unit_test(groups_are_read),
		cmocka_unit_test(a_refusals_message_is_found_or_there_is_none),
		cmocka_unit_test(the_next_page_is_the_one_called_so),
		cmocka_unit_test(a_name_is_escaped_for_a_query),
	};

	return cmocka_run_group_tests_name("github json", tests, NULL, NULL);
}
