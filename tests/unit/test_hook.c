/* init/hook_message: what a job may say, and what it is told. */
#include "unit.h"

#include "init/hook_message.h"
#include "util/buf.h"

static void what_a_hook_says_is_understood(void **state)
{
	struct slot_job job = {.repository = (char *)"octo/demo",
				.run_id = (char *)"17",
				.workflow = (char *)"a \"b\" \xc3\xbc"},
			back;
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf text;
	enum hook_verb verb;

	(void)state;
	dr_buf_init(&text, HOOK_MESSAGE_MAX);
	assert_int_equal(hook_message_write(HOOK_STARTED, &job, &text), 0);
	assert_int_equal(text.data[text.len - 1], '\n');
	assert_int_equal(hook_message_parse(text.data, text.len, &verb, &back,
				 &err),
		0);
	assert_int_equal(verb, HOOK_STARTED);
	assert_string_equal(back.repository, "octo/demo");
	assert_string_equal(back.workflow, job.workflow);
	assert_null(back.job);
	slot_job_clear(&back);
}

static int parse(const char *text, struct slot_job *job)
{
	struct dr_err err = DR_ERR_INIT;
	enum hook_verb verb;

	return hook_message_parse(text, strlen(text), &verb, job, &err);
}

static void only_two_words_may_be_said(void **state)
{
	static const char *const bad[] = {"", "{}", "[]", "started",
		"{\"hook\":\"wipe\"}", "{\"hook\":1}", "{\"hook\":\"started\"",
		"{\"hook\":\"Started\"}"};
	struct slot_job job;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(bad[i], &job), -1);
	assert_int_equal(parse("{\"hook\":\"completed\",\"x\":[1]}", &job), 0);
	slot_job_clear(&job);
}

static void what_a_job_says_of_itself_is_tamed(void **state)
{
	char text[3000] = "{\"hook\":\"started\",\"repository\":"
			  "\"a\\u001b[31m\\nb\",\"workflow\":\"";
	struct slot_job job;
	size_t len = strlen(text);

	(void)state;
	/* two bytes each, the first one at an odd place */
	text[len++] = 'x';
	for (int i = 0; i < 300; i++) {
		text[len++] = (char)0xc3;
		text[len++] = (char)0xbc;
	}
	strcpy(text + len, "\"}");
	assert_int_equal(parse(text, &job), 0);
	assert_string_equal(job.repository, "a?[31m?b");
	assert_int_equal(strlen(job.workflow), HOOK_TEXT_MAX - 1);
	slot_job_clear(&job);
}

static void a_receipt_is_readable(void **state)
{
	const struct hook_receipt r = {
		.runner = "desk-0",
		.world = "w-1-2",
		.isolation = "world",
		.mode = "standard",
		.usage = {.files = 12, .bytes = 1536, .processes = 3},
	};
	auto_buf struct dr_buf text;

	(void)state;
	dr_buf_init(&text, HOOK_MESSAGE_MAX);
	assert_int_equal(hook_receipt(&r, &text), 0);
	assert_string_equal(text.data,
		"deskrun: wipe receipt\n"
		"  runner     desk-0\n"
		"  world      w-1-2\n"
		"  isolation  world\n"
		"  mode       standard\n"
		"  files      12 (1.5 KiB)\n"
		"  processes  3\n"
		"  mounts     0\n"
		"All of this is wiped when the job ends; the exact counts "
		"come in the runner's receipts.jsonl.\n");
}

static void sizes_are_for_people(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"},
		{5u << 20, "5.0 MiB"}, {3ull << 30, "3.0 GiB"},
		{2048ull << 40, "2048.0 TiB"}};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		hook_format_bytes(cases[i].bytes, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_hook_says_is_understood),
		cmocka_unit_test(only_two_words_may_be_said),
		cmocka_unit_test(what_a_job_says_of_itself_is_tamed),
		cmocka_unit_test(a_receipt_is_readable),
		cmocka_unit_test(sizes_are_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
