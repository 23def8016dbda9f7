/* init/handover: what shim and supervisor say to each other. */
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "init/handover.h"
#include "util/cleanup.h"
#include "util/strv.h"

static char *argv_good[] = {(char *)"/r/bin/Runner.Worker",
	(char *)"spawnclient", (char *)"87", (char *)"90", NULL};
static char *envp_good[] = {
	(char *)"A=1", (char *)"B=two words", (char *)"EMPTY=", NULL};

static struct handover sample(void)
{
	return (struct handover){
		.argv = argv_good,
		.envp = envp_good,
		.cwd = (char *)"/r/bin",
		.fds = {-1, 1, 2, 87, 90},
		.numbers = {0, 1, 2, 87, 90},
	};
}

static void encode(const struct handover *h, struct dr_buf *bytes)
{
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(bytes, HANDOVER_MAX + 4096);
	assert_int_equal(handover_encode(h, bytes, &err), 0);
}

static void what_is_encoded_is_decoded(void **state)
{
	struct handover h = sample(), back = HANDOVER_INIT;
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf bytes;
	unsigned present = 0;

	(void)state;
	encode(&h, &bytes);
	assert_int_equal(handover_length(bytes.data, bytes.len, &err),
		(int)bytes.len);
	assert_int_equal(handover_decode(bytes.data, bytes.len, &back, &present,
				 &err),
		0);
	assert_int_equal(present, 0x1e);
	assert_int_equal(strv_len(back.argv), 4);
	assert_string_equal(back.argv[3], "90");
	assert_int_equal(strv_len(back.envp), 3);
	assert_string_equal(back.envp[1], "B=two words");
	assert_string_equal(back.envp[2], "EMPTY=");
	assert_string_equal(back.cwd, "/r/bin");
	assert_memory_equal(back.numbers, h.numbers, sizeof(h.numbers));
	handover_clear(&back);
}

static void a_request_that_has_not_come_yet_has_no_length(void **state)
{
	struct handover h = sample();
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf bytes;

	(void)state;
	encode(&h, &bytes);
	assert_int_equal(handover_length(bytes.data, 7, &err), 0);
	assert_int_equal(handover_length(bytes.data, 0, &err), 0);
}

/* Every cut and every flipped byte: an error or sane strings, no crash. */
static void a_damaged_request_does_no_harm(void **state)
{
	struct handover h = sample();
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf bytes;
	unsigned present;

	(void)state;
	encode(&h, &bytes);
	for (size_t len = 0; len < bytes.len; len++) {
		struct handover back = HANDOVER_INIT;

		assert_int_equal(handover_decode(bytes.data, len, &back,
					 &present, &err),
			-1);
		handover_clear(&back);
	}
	for (size_t at = 0; at < bytes.len; at++) {
		struct handover back = HANDOVER_INIT;

		bytes.data[at] ^= (char)0xff;
		if (handover_decode(bytes.data, bytes.len, &back, &present,
			    &err) == 0)
			assert_non_null(back.cwd);
		for (size_t i = 0; i < HANDOVER_FDS; i++)
			back.fds[i] = -1;
		handover_clear(&back);
		bytes.data[at] ^= (char)0xff;
	}
}

static void too_large_an_environment_is_refused(void **state)
{
	struct handover h = sample();
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf bytes;
	auto_free char *large = malloc(HANDOVER_MAX + 1);
	char *envp[] = {NULL, NULL};

	(void)state;
	assert_non_null(large);
	memset(large, 'x', HANDOVER_MAX);
	large[HANDOVER_MAX] = '\0';
	envp[0] = large;
	h.envp = envp;
	dr_buf_init(&bytes, HANDOVER_MAX + 4096);
	assert_int_equal(handover_encode(&h, &bytes, &err), -1);
	assert_non_null(strstr(err.msg, "too large"));
}

static void descriptors_come_with_the_request(void **state)
{
	struct handover h = sample();
	struct dr_err err = DR_ERR_INIT;
	char control[CMSG_SPACE(HANDOVER_FDS * sizeof(int))], data[4096];
	struct iovec iov = {data, sizeof(data)};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	int pair[2], fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		h.fds[i] = -1;
	h.fds[1] = h.fds[4] = pair[0];
	assert_int_equal(handover_send(pair[0], &h, &err), 0);
	assert_true(recvmsg(pair[1], &msg, 0) > 0);
	c = CMSG_FIRSTHDR(&msg);
	assert_non_null(c);
	assert_int_equal(c->cmsg_len, CMSG_LEN(2 * sizeof(int)));
	memcpy(fds, CMSG_DATA(c), sizeof(fds));
	close(fds[0]);
	close(fds[1]);
	close(pair[0]);
	close(pair[1]);
}

static int pipes_of(const char *verb, const char *in, const char *out)
{
	char *argv[] = {
		(char *)"w", (char *)verb, (char *)in, (char *)out, NULL};
	struct dr_err err = DR_ERR_INIT;
	int numbers[2];

	return handover_pipes(argv, numbers, &err);
}

static void only_the_workers_arguments_are_understood(void **state)
{
	(void)state;
	assert_int_equal(pipes_of("spawnclient", "87", "90"), 0);
	assert_int_equal(pipes_of("spawnclient", "87", "87"), -1);
	assert_int_equal(pipes_of("spawnclient", "2", "90"), -1);
	assert_int_equal(pipes_of("spawnclient", "-5", "90"), -1);
	assert_int_equal(pipes_of("spawnclient", "8x", "90"), -1);
	assert_int_equal(pipes_of("spawnclient", "99999999999", "90"), -1);
	assert_int_equal(pipes_of("spawnother", "87", "90"), -1);
}

static void an_answer_is_told_from_noise(void **state)
{
	struct handover_answer answer;
	char reason[1000];

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	handover_answer_init(&answer, HANDOVER_REFUSED, 1, reason);
	assert_true(handover_answer_check(&answer, sizeof(answer)));
	assert_int_equal(strlen(answer.reason), sizeof(answer.reason) - 1);
	assert_false(handover_answer_check(&answer, sizeof(answer) - 1));
	answer.verdict = 7;
	assert_false(handover_answer_check(&answer, sizeof(answer)));
	memset(&answer, 'x', sizeof(answer));
	assert_false(handover_answer_check(&answer, sizeof(answer)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded),
		cmocka_unit_test(a_request_that_has_not_come_yet_has_no_length),
		cmocka_unit_test(a_damaged_request_does_no_harm),
		cmocka_unit_test(too_large_an_environment_is_refused),
		cmocka_unit_test(descriptors_come_with_the_request),
		cmocka_unit_test(only_the_workers_arguments_are_understood),
		cmocka_unit_test(an_answer_is_told_from_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
