/* init/channel and init/relay: the job's pipe. */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "init/channel.h"
#include "init/relay.h"
#include "util/cleanup.h"
#include "util/fs.h"

static void put_message(int fd, int32_t type, int32_t length)
{
	int32_t head[2] = {type, length};
	char body[512];

	memset(body, 'b', sizeof(body));
	assert_int_equal(fs_write_full(fd, head, sizeof(head)), 0);
	for (int32_t left = length; left > 0; left -= (int32_t)sizeof(body))
		assert_int_equal(fs_write_full(fd, body,
					 left < (int32_t)sizeof(body)
						 ? (size_t)left
						 : sizeof(body)),
			0);
}

static void heads_out_of_bounds_are_no_messages(void **state)
{
	static const int32_t bad[][2] = {
		{0, 0}, {5, 0}, {-1, 4}, {1, -1}, {1, CHANNEL_BODY_MAX + 1}};
	const int32_t good[2] = {CHANNEL_JOB, CHANNEL_BODY_MAX};
	struct channel_head head;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(channel_head_parse(bad[i], &head), -1);
	assert_int_equal(channel_head_parse(good, &head), 0);
	assert_int_equal(head.type, CHANNEL_JOB);
	assert_int_equal(head.length, CHANNEL_BODY_MAX);
}

static void exactly_one_message_is_drained(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	int fds[2];
	int32_t next[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	put_message(fds[1], CHANNEL_JOB, 40000);
	put_message(fds[1], CHANNEL_CANCEL, 0);
	assert_int_equal(channel_drain(fds[0], -1, 1000, &err), 0);
	assert_int_equal(fs_read_full(fds[0], next, sizeof(next)), 8);
	assert_int_equal(next[0], CHANNEL_CANCEL);
	close(fds[0]);
	close(fds[1]);
}

static void draining_ends_when_nothing_comes(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	int fds[2], stop[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(stop), 0);
	assert_int_equal(channel_drain(fds[0], stop[0], 20, &err), -1);
	assert_int_equal(err.code, DR_TIMEOUT);
	close(stop[1]);
	assert_int_equal(channel_drain(fds[0], stop[0], 10000, &err), -1);
	assert_int_equal(err.code, DR_INTERRUPTED);
	close(fds[1]);
	assert_int_equal(channel_drain(fds[0], -1, 10000, &err), -1);
	assert_int_equal(err.code, DR_FAILED);
	close(fds[0]);
	close(stop[0]);
}

static void noise_is_not_drained_for_ever(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fs_write_full(fds[1], "not a message", 13), 0);
	assert_int_equal(channel_drain(fds[0], -1, 1000, &err), -1);
	assert_int_equal(err.code, DR_FAILED);
	close(fds[0]);
	close(fds[1]);
}

/* The relay */

struct wire {
	struct loop loop;
	struct relay relay;
	int listener; /* write end */
	int from;     /* what the shim handed over */
	int worker;   /* the Worker's end */
	int held;     /* type of the message held back, or 0 */
	struct loop_timer limit;
	bool late;
};

static void on_held(void *arg, enum channel_type type)
{
	struct wire *w = arg;

	w->held = (int)type;
}

static void on_limit(void *arg)
{
	struct wire *w = arg;

	w->late = true;
}

static void wire_open(struct wire *w)
{
	struct dr_err err = DR_ERR_INIT;
	int fds[2];

	*w = (struct wire){.limit = {.fire = on_limit, .arg = w}};
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	w->from = fds[0];
	w->listener = fds[1];
	assert_int_equal(loop_init(&w->loop, &err), 0);
	assert_int_equal(relay_open(&w->relay, &w->loop, w->from, &w->worker,
				 &err),
		0);
	w->relay.on_held = on_held;
	w->relay.arg = w;
}

static void wire_close(struct wire *w)
{
	relay_close(&w->relay);
	loop_clear(&w->loop);
	cleanup_close(&w->listener);
	cleanup_close(&w->from);
	cleanup_close(&w->worker);
}

/* Turns the loop until it rests for some time. */
static void settle(struct wire *w)
{
	struct dr_err err = DR_ERR_INIT;

	w->late = false;
	loop_timer_set(&w->loop, &w->limit, 30);
	while (!w->late)
		assert_int_equal(loop_turn(&w->loop, &err), 0);
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void expect_message(int fd, int32_t type, int32_t length)
{
	char body[512];
	int32_t head[2];

	assert_int_equal(fs_read_full(fd, head, sizeof(head)), 8);
	assert_int_equal(head[0], type);
	assert_int_equal(head[1], length);
	for (int32_t left = length; left > 0; left -= (int32_t)sizeof(body))
		assert_true(fs_read_full(fd, body,
				    left < (int32_t)sizeof(body)
					    ? (size_t)left
					    : sizeof(body)) > 0);
}

static void messages_are_passed_on(void **state)
{
	struct wire w;

	(void)state;
	wire_open(&w);
	put_message(w.listener, CHANNEL_JOB, 50000);
	put_message(w.listener, CHANNEL_CANCEL, 0);
	settle(&w);
	expect_message(w.worker, CHANNEL_JOB, 50000);
	expect_message(w.worker, CHANNEL_CANCEL, 0);
	assert_false(readable(w.worker));
	wire_close(&w);
}

/* More than two pipes hold: the Worker reads late. */
static void a_large_message_waits_for_its_reader(void **state)
{
	struct wire w;
	pid_t writer;

	(void)state;
	wire_open(&w);
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		put_message(w.listener, CHANNEL_JOB, 1000000);
		_exit(0);
	}
	for (int32_t done = -8; done < 1000000;) {
		char chunk[65536];
		ssize_t n;

		settle(&w);
		n = read(w.worker, chunk, sizeof(chunk));
		assert_true(n > 0);
		done += (int32_t)n;
	}
	wire_close(&w);
}

static void a_held_message_is_told_and_not_passed_on(void **state)
{
	struct wire w;

	(void)state;
	wire_open(&w);
	put_message(w.listener, CHANNEL_JOB, 10);
	settle(&w);
	expect_message(w.worker, CHANNEL_JOB, 10);
	relay_hold(&w.relay);
	put_message(w.listener, CHANNEL_CANCEL, 0);
	settle(&w);
	assert_int_equal(w.held, CHANNEL_CANCEL);
	relay_drop(&w.relay);
	put_message(w.listener, CHANNEL_SHUTDOWN, 0);
	settle(&w);
	assert_int_equal(w.held, CHANNEL_SHUTDOWN);
	assert_false(readable(w.worker));
	relay_release(&w.relay);
	settle(&w);
	expect_message(w.worker, CHANNEL_SHUTDOWN, 0);
	assert_false(readable(w.worker));
	wire_close(&w);
}

static void holding_does_not_tear_a_message(void **state)
{
	struct wire w;
	int32_t head[2] = {CHANNEL_JOB, 8};

	(void)state;
	wire_open(&w);
	assert_int_equal(fs_write_full(w.listener, head, 8), 0);
	settle(&w);
	relay_hold(&w.relay);
	assert_int_equal(fs_write_full(w.listener, "12345678", 8), 0);
	settle(&w);
	expect_message(w.worker, CHANNEL_JOB, 8);
	assert_int_equal(w.held, 0);
	wire_close(&w);
}

/* A Listener that gets EPIPE takes its Worker for dead. */
static void the_listeners_pipe_outlives_the_worker(void **state)
{
	struct wire w;

	(void)state;
	wire_open(&w);
	cleanup_close(&w.worker);
	put_message(w.listener, CHANNEL_CANCEL, 0);
	settle(&w);
	put_message(w.listener, CHANNEL_CANCEL, 0);
	settle(&w);
	wire_close(&w);
}

static void unknown_framing_is_copied(void **state)
{
	struct wire w;
	char back[16];

	(void)state;
	wire_open(&w);
	assert_int_equal(fs_write_full(w.listener, "something other!", 16), 0);
	settle(&w);
	assert_int_equal(fs_read_full(w.worker, back, 16), 16);
	assert_memory_equal(back, "something other!", 16);
	wire_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_out_of_bounds_are_no_messages),
		cmocka_unit_test(exactly_one_message_is_drained),
		cmocka_unit_test(draining_ends_when_nothing_comes),
		cmocka_unit_test(noise_is_not_drained_for_ever),
		cmocka_unit_test(messages_are_passed_on),
		cmocka_unit_test(a_large_message_waits_for_its_reader),
		cmocka_unit_test(a_held_message_is_told_and_not_passed_on),
		cmocka_unit_test(holding_does_not_tear_a_message),
		cmocka_unit_test(the_listeners_pipe_outlives_the_worker),
		cmocka_unit_test(unknown_framing_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
