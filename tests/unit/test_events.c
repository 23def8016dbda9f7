/* init/events, init/rotated and init/outlog: what a slot's files hold. */
#include "unit.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/events.h"
#include "init/outlog.h"
#include "scratch.h"
#include "util/buf.h"

struct slot_dir {
	char path[SCRATCH_SIZE];
	int fd;
};

static int setup(void **state)
{
	struct slot_dir *d = calloc(1, sizeof(*d));

	if (!d || scratch_make(d->path) < 0)
		return -1;
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = d;
	return d->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct slot_dir *d = *state;
	int rc = scratch_drop(d->path);

	close(d->fd);
	free(d);
	return rc;
}

/* Folds a file's lines; returns how many were events. */
static int fold(int dir, const char *name, struct slot_state *s)
{
	auto_buf struct dr_buf text;
	struct dr_err err = DR_ERR_INIT;
	enum slot_event_type type;
	char *line, *end;
	int n = 0;

	dr_buf_init(&text, 2 * ROTATED_MAX);
	assert_int_equal(fs_read(dir, name, &text, &err), 0);
	for (line = text.data; (end = strchr(line, '\n')); line = end + 1)
		n += slot_state_fold(s, line, (size_t)(end - line), &type);
	assert_int_equal(*line, '\0');
	return n;
}

static void emit(struct events *ev, enum slot_event_type type)
{
	events_emit(ev,
		&(struct slot_event){.type = type,
			.world = "w-1-1",
			.reason = "because",
			.id = 5,
			.pid = 6});
}

static void an_epoch_is_later_than_the_last_one(void **state)
{
	struct slot_dir *d = *state;
	struct slot_state s = {0};
	struct dr_err err = DR_ERR_INIT;
	struct events ev;
	uint64_t first;

	assert_int_equal(events_open(&ev, d->fd, &err), 0);
	/* a clock that will be set back */
	first = ev.epoch += 1000000000;
	emit(&ev, EV_STARTED);
	events_close(&ev);
	assert_int_equal(events_open(&ev, d->fd, &err), 0);
	assert_int_equal(ev.epoch, first + 1);
	emit(&ev, EV_STARTED);
	events_close(&ev);
	assert_int_equal(fold(d->fd, SLOT_EVENTS, &s), 2);
	assert_int_equal(s.epoch, first + 1);
	slot_state_clear(&s);
}

static void half_a_line_does_not_spoil_the_next(void **state)
{
	struct slot_dir *d = *state;
	struct slot_state s = {0};
	struct dr_err err = DR_ERR_INIT;
	struct events ev;
	int fd;

	assert_int_equal(events_open(&ev, d->fd, &err), 0);
	emit(&ev, EV_STARTED);
	events_close(&ev);
	fd = openat(d->fd, SLOT_EVENTS, O_WRONLY | O_APPEND);
	assert_int_equal(fs_write_full(fd, "{\"epoch\":", 9), 0);
	close(fd);
	assert_int_equal(events_open(&ev, d->fd, &err), 0);
	emit(&ev, EV_STARTED);
	events_close(&ev);
	assert_int_equal(fold(d->fd, SLOT_EVENTS, &s), 2);
	slot_state_clear(&s);
}

/* A reader that has the new file alone knows all that the old one said. */
static void a_new_file_begins_with_the_whole_state(void **state)
{
	struct slot_dir *d = *state;
	struct slot_state s = {0};
	struct dr_err err = DR_ERR_INIT;
	struct events ev;
	struct stat st;

	assert_int_equal(events_open(&ev, d->fd, &err), 0);
	ev.generation = 3;
	emit(&ev, EV_STARTED);
	emit(&ev, EV_REGISTERED);
	emit(&ev, EV_LISTENER_STARTED);
	emit(&ev, EV_LISTENING);
	while (fstatat(d->fd, SLOT_EVENTS ".1", &st, 0) < 0)
		emit(&ev, EV_HEARTBEAT);
	assert_true((uint64_t)st.st_size <= ROTATED_MAX);
	assert_true(fold(d->fd, SLOT_EVENTS, &s) >= 2);
	assert_int_equal(s.seq, ev.state.seq);
	assert_int_equal(s.phase, PHASE_IDLE);
	assert_int_equal(s.phase, ev.state.phase);
	assert_int_equal(s.runner_id, 5);
	assert_int_equal(s.listener_pid, 6);
	assert_int_equal(s.generation, 3);
	assert_int_equal(s.since_ms, ev.state.since_ms);
	slot_state_clear(&s);
	events_close(&ev);
}

static void a_copy_that_nobody_reads_blocks_nobody(void **state)
{
	struct slot_dir *d = *state;
	struct dr_err err = DR_ERR_INIT;
	struct slot_state s = {0};
	struct events ev;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(events_open(&ev, d->fd, &err), 0);
	events_copy(&ev, fds[1]);
	for (int i = 0; i < 2000; i++)
		emit(&ev, EV_HEARTBEAT);
	assert_int_equal(fold(d->fd, SLOT_EVENTS, &s), 2000);
	slot_state_clear(&s);
	events_close(&ev);
	close(fds[0]);
	close(fds[1]);
}

static void a_job_that_outlives_its_listener_leaves_no_idle(void **state)
{
	struct slot_dir *d = *state;
	struct dr_err err = DR_ERR_INIT;
	struct events ev;

	assert_int_equal(events_open(&ev, d->fd, &err), 0);
	emit(&ev, EV_LISTENING);
	emit(&ev, EV_JOB_STARTED);
	events_emit(&ev,
		&(struct slot_event){
			.type = EV_LISTENER_EXITED, .retry_ms = 1000});
	emit(&ev, EV_JOB_COMPLETED);
	assert_int_equal(ev.state.phase, PHASE_BACKOFF);
	assert_int_equal(ev.state.jobs, 1);
	events_emit(&ev, &(struct slot_event){.type = EV_DRAINED});
	assert_int_equal(ev.state.phase, PHASE_DRAINED);
	events_close(&ev);
}

static void wipes_of_an_earlier_life_are_not_counted(void **state)
{
	struct slot_dir *d = *state;
	struct dr_err err = DR_ERR_INIT;
	struct events ev;
	char world[40];

	assert_int_equal(events_open(&ev, d->fd, &err), 0);
	emit(&ev, EV_WIPED);
	assert_int_equal(ev.state.wiped, 0);
	snprintf(world, sizeof(world), "w-%llu-1",
		(unsigned long long)ev.epoch);
	events_emit(&ev,
		&(struct slot_event){.type = EV_WIPED, .world = world});
	assert_int_equal(ev.state.wiped, 1);
	events_close(&ev);
}

/* A child's output */

struct lines {
	char last[OUTLOG_LINE];
	int count;
};

static void on_line(void *arg, const char *line)
{
	struct lines *l = arg;

	snprintf(l->last, sizeof(l->last), "%s", line);
	l->count++;
}

static void log_open(struct outlog *o, struct loop *loop, int dir,
	struct lines *lines)
{
	struct dr_err err = DR_ERR_INIT;
	int child;

	assert_int_equal(loop_init(loop, &err), 0);
	assert_int_equal(outlog_open(o, loop, dir, "out.log", &child, &err), 0);
	close(child);
	o->on_line = on_line;
	o->arg = lines;
}

static void read_log(int dir, struct dr_buf *text)
{
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(text, 2 * ROTATED_MAX);
	assert_int_equal(fs_read(dir, "out.log", text, &err), 0);
}

static void a_secret_is_neither_written_nor_shown(void **state)
{
	struct slot_dir *d = *state;
	struct lines lines = {0};
	auto_buf struct dr_buf text;
	struct loop loop;
	struct outlog o;

	log_open(&o, &loop, d->fd, &lines);
	o.secret = "T0KEN";
	/* torn, as a pipe may tear it */
	outlog_feed(&o, "got T0K", 7);
	outlog_feed(&o, "EN and T0KEN\r\nplain\n", 20);
	outlog_close(&o);
	read_log(d->fd, &text);
	assert_string_equal(text.data, "got ***** and *****\nplain\n");
	assert_int_equal(lines.count, 2);
	assert_string_equal(lines.last, "plain");
	loop_clear(&loop);
}

static void an_endless_line_is_cut(void **state)
{
	struct slot_dir *d = *state;
	struct lines lines = {0};
	auto_buf struct dr_buf text;
	struct loop loop;
	struct outlog o;

	log_open(&o, &loop, d->fd, &lines);
	for (int i = 0; i < 3 * OUTLOG_LINE; i++)
		outlog_feed(&o, "x", 1);
	outlog_feed(&o, "\nnext\n", 6);
	outlog_close(&o);
	read_log(d->fd, &text);
	assert_true(text.len < OUTLOG_LINE + 10);
	assert_int_equal(lines.count, 2);
	assert_string_equal(lines.last, "next");
	loop_clear(&loop);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_epoch_is_later_than_the_last_one),
		TEST(half_a_line_does_not_spoil_the_next),
		TEST(a_new_file_begins_with_the_whole_state),
		TEST(a_copy_that_nobody_reads_blocks_nobody),
		TEST(a_job_that_outlives_its_listener_leaves_no_idle),
		TEST(wipes_of_an_earlier_life_are_not_counted),
		TEST(a_secret_is_neither_written_nor_shown),
		TEST(an_endless_line_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
