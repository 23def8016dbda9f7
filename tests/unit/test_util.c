/* src/util: errors, buffers, vectors, JSON, clocks, children, near words. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/json.h"
#include "util/nearest.h"
#include "util/proc.h"
#include "util/strv.h"

/* err */

static void error_is_set_once_and_prefixed_on_the_way_up(void **state)
{
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	errno = ENOENT;
	assert_int_equal(dr_err_errno(&err, DR_NOT_FOUND, "open %s", "x"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(dr_err_prefix(&err, "stop %s", "desk-1"), -1);
	assert_string_equal(err.msg,
		"stop desk-1: open x: No such file or directory");
	assert_int_equal(err.code, DR_NOT_FOUND);
	assert_int_equal(err.sys_errno, ENOENT);
}

static void long_error_is_cut(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	char text[4096];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	dr_err_set(&err, DR_FAILED, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	errno = EIO;
	dr_err_errno(&err, DR_FAILED, "%s", text);
	dr_err_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

/* buf */

static void buffer_keeps_its_maximum(void **state)
{
	auto_buf struct dr_buf b;

	(void)state;
	dr_buf_init(&b, 5);
	assert_string_equal(b.data, "");
	assert_int_equal(dr_buf_addstr(&b, "abc"), 0);
	assert_int_equal(dr_buf_add(&b, "de", 2), 0);
	assert_string_equal(b.data, "abcde");
	assert_int_equal(dr_buf_addstr(&b, "f"), -1);
	assert_true(b.failed);
	assert_string_equal(b.data, "abcde");
	/* a run of additions needs one check: later ones fail, too */
	assert_int_equal(dr_buf_addstr(&b, ""), -1);
	assert_null(dr_buf_steal(&b));
}

static void buffer_grows_and_is_handed_over(void **state)
{
	auto_buf struct dr_buf b;
	auto_free char *text = NULL;

	(void)state;
	dr_buf_init(&b, 100000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(dr_buf_addf(&b, "%d,", i % 10), 0);
	assert_int_equal(b.len, 20000);
	text = dr_buf_steal(&b);
	assert_int_equal(strlen(text), 20000);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
}

static void stolen_empty_buffer_is_an_empty_text(void **state)
{
	auto_buf struct dr_buf b;
	auto_free char *text = NULL;

	(void)state;
	dr_buf_init(&b, 10);
	text = dr_buf_steal(&b);
	assert_string_equal(text, "");
}

static void reset_buffer_is_used_again(void **state)
{
	auto_buf struct dr_buf b;

	(void)state;
	dr_buf_init(&b, 4);
	dr_buf_addstr(&b, "abcdef");
	dr_buf_reset(&b);
	assert_false(b.failed);
	assert_int_equal(dr_buf_addstr(&b, "abcd"), 0);
	assert_string_equal(b.data, "abcd");
}

/* strv */

static void vector_is_built_copied_and_searched(void **state)
{
	auto_strv char **v = NULL, **copy = NULL, **none = NULL;

	(void)state;
	assert_int_equal(strv_len(NULL), 0);
	assert_false(strv_contains(NULL, "x"));
	assert_int_equal(strv_add(&v, "one"), 0);
	assert_int_equal(strv_addf(&v, "t%s", "wo"), 0);
	copy = strv_dup(v);
	assert_int_equal(strv_len(copy), 2);
	assert_true(strv_contains(copy, "two"));
	assert_false(strv_contains(copy, "tw"));
	none = strv_dup(NULL);
	assert_non_null(none);
	assert_null(none[0]);
}

static void environment_is_changed_in_place(void **state)
{
	auto_strv char **v = NULL;

	(void)state;
	assert_int_equal(strv_env_set(&v, "A", "1"), 0);
	assert_int_equal(strv_env_set(&v, "AB", "2"), 0);
	assert_int_equal(strv_env_set(&v, "A", "3=4"), 0);
	assert_string_equal(strv_env_get(v, "A"), "3=4");
	assert_string_equal(strv_env_get(v, "AB"), "2");
	assert_null(strv_env_get(v, "B"));
	assert_int_equal(strv_env_set(&v, "A", NULL), 0);
	assert_null(strv_env_get(v, "A"));
	assert_int_equal(strv_len(v), 1);
}

/* json */

static json_t *parsed(const char *text, struct dr_err *err)
{
	return json_parse(text, strlen(text), "answer", err);
}

static void json_that_is_wrong_names_its_place(void **state)
{
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_null(parsed("{\"a\":1,\n \"a\":2}", &err));
	assert_non_null(strstr(err.msg, "answer:2:"));
	assert_null(parsed("{} {}", &err));
	assert_null(parsed("", &err));
}

static void json_that_is_deep_is_refused(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	char deep[512];

	(void)state;
	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	deep[400] = '\0';
	assert_null(parsed(deep, &err));
	assert_non_null(strstr(err.msg, "deep"));
}

static void json_members_have_defaults(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	auto_json json_t *j = parsed("\xef\xbb\xbf{\"s\":\"x\",\"n\":7,\"t\":"
				     "true,\"z\":null,\"v\":[\"a\",1,\"b\"]}",
		&err);
	auto_strv char **v = NULL;

	(void)state;
	assert_non_null(j);
	assert_string_equal(json_str(j, "s", "d"), "x");
	assert_string_equal(json_str(j, "z", "d"), "d");
	assert_string_equal(json_str(j, "n", "d"), "d");
	assert_int_equal(json_int(j, "n", 1), 7);
	assert_int_equal(json_int(j, "s", 1), 1);
	assert_true(json_flag(j, "t", false));
	assert_true(json_flag(j, "absent", true));
	assert_null(json_strdup(j, "z"));
	v = json_strv(j, "v");
	assert_int_equal(strv_len(v), 2);
	assert_string_equal(v[1], "b");
}

static void json_keeps_the_order_of_insertion(void **state)
{
	char *list[] = {(char *)"x", NULL};
	auto_json json_t *j = json_object();
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, 200);
	json_put_str(j, "z", "\"");
	json_put_str(j, "absent", NULL);
	json_put_int(j, "a", -1);
	json_put_flag(j, "m", true);
	json_put_strv(j, "v", list);
	json_put_strv(j, "e", NULL);
	assert_int_equal(json_write(j, &out), 0);
	assert_string_equal(out.data,
		"{\"z\":\"\\\"\",\"a\":-1,\"m\":true,\"v\":[\"x\"],\"e\":[]}");
}

static void json_that_does_not_fit_fails(void **state)
{
	auto_json json_t *j = json_string("0123456789");
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, 5);
	assert_int_equal(json_write(j, &out), -1);
	assert_true(out.failed);
}

/* clock */

static void times_survive_being_written(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	clock_format(1764040605079u, text);
	assert_string_equal(text, "2025-11-25T03:16:45.079Z");
	assert_int_equal(clock_parse(text), 1764040605079);
	assert_int_equal(clock_parse("2025-11-25T04:16:45.079123+01:00"),
		1764040605079);
	assert_int_equal(clock_parse("2025-11-25T03:16:45Z"), 1764040605000);
	assert_int_equal(clock_parse("2025-11-25"), -1);
	assert_int_equal(clock_parse("2025-11-25T03:16:45"), -1);
}

/* nearest */

static const char *nearest_of(const char *given)
{
	static const char *const known[] = {"labels", "limits", "count", "env"};
	struct nearest n;

	nearest_init(&n, given);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		nearest_offer(&n, known[i]);
	return n.found;
}

static void near_words_are_found_and_far_ones_not(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("lables"), "labels");
	assert_string_equal(nearest_of("LABELS"), "labels");
	assert_string_equal(nearest_of("label"), "labels");
	assert_string_equal(nearest_of("limts"), "limits");
	assert_string_equal(nearest_of("cuont"), "count");
	assert_string_equal(nearest_of("evn"), "env");
	assert_null(nearest_of("xyz"));
	assert_null(nearest_of("replicas"));
	assert_null(nearest_of(""));
}

/* proc */

static int run_sh(const char *script, char *const *envp, int timeout_ms,
	struct dr_buf *out, struct dr_err *err)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct proc_spec spec = {
		.path = "/bin/sh",
		.argv = (char *const *)argv,
		.envp = envp,
		.fds = {-1, -1, -1},
	};
	int status = 0;

	if (proc_run(&spec, timeout_ms, out, &status, err) < 0)
		return -1;
	return status;
}

static void child_gets_the_environment_that_is_given(void **state)
{
	char *envp[] = {(char *)"ONLY=this", NULL};
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, 1000);
	setenv("SECRET", "sesame", 1);
	assert_int_equal(run_sh("echo $ONLY$SECRET; echo e >&2; exit 3", envp,
				 5000, &out, &err),
		3 << 8);
	assert_string_equal(out.data, "this\ne\n");
	unsetenv("SECRET");
}

static void child_has_no_other_descriptors_and_no_ignored_signals(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf out;
	int leak = dup(0);

	(void)state;
	dr_buf_init(&out, 1000);
	signal(SIGINT, SIG_IGN);
	/* the directory of descriptors is itself open while it is listed */
	assert_int_equal(run_sh("for f in /proc/self/fd/*; do echo -n "
				"${f##*/},; done; kill -INT $$",
				 NULL, 5000, &out, &err),
		SIGINT);
	signal(SIGINT, SIG_DFL);
	assert_true(strncmp(out.data, "0,1,2,", 6) == 0);
	assert_true(out.len <= strlen("0,1,2,3,"));
	close(leak);
}

static void child_that_does_not_end_is_killed(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, 1000);
	assert_int_equal(run_sh("echo begun; exec sleep 60", NULL, 300, &out,
				 &err),
		-1);
	assert_int_equal(err.code, DR_TIMEOUT);
	assert_string_equal(out.data, "begun\n");
}

static void output_beyond_the_maximum_is_dropped(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, 10);
	assert_int_equal(run_sh("i=0; while [ $i -lt 20000 ]; do echo "
				"0123456789; i=$((i+1)); done",
				 NULL, 20000, &out, &err),
		0);
	assert_true(out.len <= 10);
}

static void program_that_is_absent_is_an_error(void **state)
{
	struct proc_spec spec = {
		.path = "/nonexistent/program",
		.argv = (char *[]){(char *)"program", NULL},
		.fds = {-1, -1, -1},
	};
	struct dr_err err = DR_ERR_INIT;
	pid_t pid;

	(void)state;
	assert_int_equal(proc_spawn(&spec, &pid, &err), -1);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_string_equal(err.msg,
		"execute /nonexistent/program: No such file or directory");
}

static void programs_are_found_by_absolute_directories_alone(void **state)
{
	auto_free char *sh = NULL, *none = NULL;

	(void)state;
	setenv("PATH", ".:bin:/nonexistent:/bin", 1);
	sh = proc_find("sh");
	assert_string_equal(sh, "/bin/sh");
	none = proc_find("no-such-program-anywhere");
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_is_set_once_and_prefixed_on_the_way_up),
		cmocka_unit_test(long_error_is_cut),
		cmocka_unit_test(buffer_keeps_its_maximum),
		cmocka_unit_test(buffer_grows_and_is_handed_over),
		cmocka_unit_test(stolen_empty_buffer_is_an_empty_text),
		cmocka_unit_test(reset_buffer_is_used_again),
		cmocka_unit_test(vector_is_built_copied_and_searched),
		cmocka_unit_test(environment_is_changed_in_place),
		cmocka_unit_test(json_that_is_wrong_names_its_place),
		cmocka_unit_test(json_that_is_deep_is_refused),
		cmocka_unit_test(json_members_have_defaults),
		cmocka_unit_test(json_keeps_the_order_of_insertion),
		cmocka_unit_test(json_that_does_not_fit_fails),
		cmocka_unit_test(times_survive_being_written),
		cmocka_unit_test(near_words_are_found_and_far_ones_not),
		cmocka_unit_test(child_gets_the_environment_that_is_given),
		cmocka_unit_test(
			child_has_no_other_descriptors_and_no_ignored_signals),
		cmocka_unit_test(child_that_does_not_end_is_killed),
		cmocka_unit_test(output_beyond_the_maximum_is_dropped),
		cmocka_unit_test(program_that_is_absent_is_an_error),
		cmocka_unit_test(
			programs_are_found_by_absolute_directories_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
