/* util/slot: what manager and supervisor tell each other, there and back. */
#include "unit.h"

#include "util/cleanup.h"
#include "util/slot.h"
#include "util/strv.h"

/* A supervisor that writes, and the states of both sides */
struct wire {
	uint64_t epoch, seq, at;
	struct slot_state writer, reader;
};

/* Writes an event, folds it on both sides, and returns the line. */
static char *say(struct wire *w, const struct slot_event *event)
{
	auto_buf struct dr_buf line;
	enum slot_event_type type;

	dr_buf_init(&line, SLOT_LINE_MAX);
	assert_int_equal(slot_event_write(event, w->epoch, ++w->seq, w->at++,
				 &line),
		0);
	assert_int_equal(line.data[line.len - 1], '\n');
	assert_int_equal(slot_state_fold(&w->writer, line.data, line.len,
				 &type),
		1);
	assert_int_equal(type, event->type);
	assert_int_equal(slot_state_fold(&w->reader, line.data, line.len,
				 &type),
		1);
	return dr_buf_steal(&line);
}

static void tell(struct wire *w, const struct slot_event *event)
{
	free(say(w, event));
}

static struct wire wire_new(void)
{
	return (struct wire){.epoch = 1, .at = 1764040605079u};
}

static void wire_clear(struct wire *w)
{
	slot_state_clear(&w->writer);
	slot_state_clear(&w->reader);
}

static struct slot_job job_of(const char *repository)
{
	return (struct slot_job){
		.repository = (char *)repository,
		.run_id = (char *)"17",
		.job = (char *)"build",
	};
}

/* From start to a running, identified job */
static void tell_busy(struct wire *w)
{
	char *notes[] = {(char *)"no cgroup", NULL};
	struct slot_job job = job_of("o/r");

	tell(w,
		&(struct slot_event){.type = EV_STARTED,
			.pid = 10,
			.isolation = "world",
			.notes = notes});
	tell(w, &(struct slot_event){.type = EV_REGISTERED, .id = 42});
	tell(w, &(struct slot_event){.type = EV_LISTENER_STARTED, .pid = 11});
	tell(w, &(struct slot_event){.type = EV_LISTENING});
	tell(w, &(struct slot_event){.type = EV_JOB_STARTED, .world = "w-1-1"});
	tell(w,
		&(struct slot_event){.type = EV_JOB_IDENTIFIED,
			.world = "w-1-1",
			.job = &job});
}

static void events_fold_into_what_is_the_case(void **state)
{
	struct wire w = wire_new();
	const struct slot_state *s = &w.reader;

	(void)state;
	tell_busy(&w);
	assert_int_equal(s->phase, PHASE_BUSY);
	assert_int_equal(s->runner_id, 42);
	assert_int_equal(s->listener_pid, 11);
	assert_string_equal(s->world, "w-1-1");
	assert_string_equal(s->job.repository, "o/r");
	assert_null(s->job.workflow);
	assert_string_equal(s->isolation, "world");
	assert_string_equal(s->notes[0], "no cgroup");
	assert_int_equal(s->seq, 6);
	tell(&w,
		&(struct slot_event){.type = EV_JOB_COMPLETED,
			.world = "w-1-1",
			.waited_us = 300});
	tell(&w, &(struct slot_event){.type = EV_WIPED, .world = "w-1-1"});
	assert_int_equal(s->phase, PHASE_IDLE);
	assert_null(s->world);
	assert_null(s->job.repository);
	assert_int_equal(s->jobs, 1);
	assert_int_equal(s->wiped, 1);
	wire_clear(&w);
}

static void assert_same(const struct slot_state *a, const struct slot_state *b)
{
	assert_int_equal(a->phase, b->phase);
	assert_int_equal(a->since_ms, b->since_ms);
	assert_int_equal(a->listener_pid, b->listener_pid);
	assert_int_equal(a->runner_id, b->runner_id);
	assert_int_equal(a->generation, b->generation);
	assert_int_equal(a->jobs, b->jobs);
	assert_int_equal(a->wiped, b->wiped);
	assert_int_equal(a->restarts, b->restarts);
	assert_int_equal(a->retry_at_ms, b->retry_at_ms);
	assert_string_equal(a->isolation, b->isolation);
	assert_int_equal(strv_len(a->notes), strv_len(b->notes));
	assert_string_equal(a->world ? a->world : "", b->world ? b->world : "");
	assert_string_equal(a->reason ? a->reason : "",
		b->reason ? b->reason : "");
	assert_string_equal(a->job.repository ? a->job.repository : "",
		b->job.repository ? b->job.repository : "");
}

static void snapshot_tells_a_late_reader_everything(void **state)
{
	struct wire w = wire_new();
	struct slot_state late = {0};
	enum slot_event_type type;
	auto_free char *line = NULL;

	(void)state;
	tell_busy(&w);
	line = say(&w,
		&(struct slot_event){.type = EV_SNAPSHOT,
			.state = &w.writer,
			.generation = 3});
	assert_int_equal(slot_state_fold(&late, line, strlen(line), &type), 1);
	assert_int_equal(type, EV_SNAPSHOT);
	assert_same(&late, &w.reader);
	assert_int_equal(late.epoch, 1);
	assert_int_equal(late.seq, 7);
	slot_state_clear(&late);
	wire_clear(&w);
}

static void ended_listener_is_started_again_or_not(void **state)
{
	struct wire w = wire_new();
	const struct slot_state *s = &w.reader;

	(void)state;
	tell_busy(&w);
	tell(&w,
		&(struct slot_event){.type = EV_LISTENER_EXITED,
			.code = 2,
			.reason = "retryable",
			.retry_ms = 5000});
	assert_int_equal(s->phase, PHASE_BACKOFF);
	assert_string_equal(s->reason, "retryable");
	assert_int_equal(s->restarts, 1);
	assert_int_equal(s->retry_at_ms, w.at - 1 + 5000);
	assert_int_equal(s->listener_pid, 0);
	assert_null(s->world);
	tell(&w,
		&(struct slot_event){
			.type = EV_LISTENER_EXITED, .retry_ms = -1});
	assert_int_equal(s->phase, PHASE_DRAINED);
	wire_clear(&w);
}

static void death_of_the_listener_outlasts_its_job(void **state)
{
	struct wire w = wire_new();

	(void)state;
	tell_busy(&w);
	tell(&w,
		&(struct slot_event){
			.type = EV_LISTENER_EXITED, .retry_ms = 5000});
	tell(&w,
		&(struct slot_event){
			.type = EV_JOB_COMPLETED, .world = "w-1-1"});
	assert_int_equal(w.reader.phase, PHASE_BACKOFF);
	assert_int_equal(w.reader.jobs, 1);
	wire_clear(&w);
}

static void worlds_of_a_predecessor_are_not_counted(void **state)
{
	struct wire w = wire_new();

	(void)state;
	w.epoch = 2;
	tell(&w, &(struct slot_event){.type = EV_STARTED});
	tell(&w, &(struct slot_event){.type = EV_WIPED, .world = "w-1-7"});
	assert_int_equal(w.reader.wiped, 0);
	tell(&w, &(struct slot_event){.type = EV_WIPED, .world = "w-2-1"});
	assert_int_equal(w.reader.wiped, 1);
	wire_clear(&w);
}

static void deletion_outlasts_the_listener(void **state)
{
	struct wire w = wire_new();

	(void)state;
	tell_busy(&w);
	tell(&w,
		&(struct slot_event){
			.type = EV_DEREGISTERED, .reason = "deleted"});
	tell(&w,
		&(struct slot_event){
			.type = EV_LISTENER_EXITED, .retry_ms = -1});
	assert_int_equal(w.reader.phase, PHASE_DEREGISTERED);
	assert_int_equal(w.reader.runner_id, 0);
	wire_clear(&w);
}

static void new_epoch_forgets_the_old_one(void **state)
{
	struct wire w = wire_new();

	(void)state;
	tell_busy(&w);
	w.epoch = 2;
	w.seq = 0;
	tell(&w, &(struct slot_event){.type = EV_STARTED, .pid = 20});
	assert_int_equal(w.reader.phase, PHASE_STARTING);
	assert_int_equal(w.reader.runner_id, 0);
	assert_null(w.reader.world);
	assert_int_equal(w.reader.epoch, 2);
	assert_int_equal(w.reader.seq, 1);
	wire_clear(&w);
}

static void expect_skipped(struct slot_state *s, const char *line)
{
	enum slot_event_type type;
	uint64_t seq = s->seq;

	assert_int_equal(slot_state_fold(s, line, strlen(line), &type), 0);
	assert_int_equal(s->seq, seq);
}

static void rubbish_old_and_repeated_lines_are_skipped(void **state)
{
	struct wire w = wire_new();
	auto_free char *first = NULL;

	(void)state;
	first = say(&w, &(struct slot_event){.type = EV_STARTED});
	tell(&w, &(struct slot_event){.type = EV_LISTENING});
	expect_skipped(&w.reader, first);
	expect_skipped(&w.reader, "");
	expect_skipped(&w.reader, "\n");
	expect_skipped(&w.reader, "[1]");
	expect_skipped(&w.reader, "not json");
	expect_skipped(&w.reader,
		"{\"epoch\":1,\"seq\":9,\"event\":\"idle\","
		"\"at\":\"2025-11-25T03:16:45.079Z\"}");
	expect_skipped(&w.reader,
		"{\"epoch\":1,\"seq\":9,\"event\":"
		"\"listening\",\"at\":\"now\"}");
	expect_skipped(&w.reader,
		"{\"epoch\":0,\"seq\":9,\"event\":"
		"\"listening\",\"at\":"
		"\"2025-11-25T03:16:45.079Z\"}");
	assert_int_equal(w.reader.phase, PHASE_IDLE);
	wire_clear(&w);
}

static void every_event_is_written_and_read(void **state)
{
	struct wire w = wire_new();

	(void)state;
	for (int i = 0; i < EV_COUNT; i++) {
		auto_free char *line = NULL;
		struct slot_event e = {
			.type = (enum slot_event_type)i,
			.generation = i,
			.world = "w",
			.reason = "r",
			.state = &w.writer,
		};

		assert_non_null(slot_event_name(e.type));
		line = say(&w, &e);
		assert_non_null(strstr(line, slot_event_name(e.type)));
		assert_int_equal(w.reader.generation, i);
		assert_int_equal(w.reader.phase, w.writer.phase);
	}
	wire_clear(&w);
}

static void spec_survives_being_written(void **state)
{
	char *labels[] = {(char *)"deskrun", (char *)"a \"b\"", NULL};
	char *env[] = {(char *)"A=1\n2", NULL};
	struct slot_spec spec = {
		.runner = (char *)"desk-1",
		.pool = (char *)"desk",
		.url = (char *)"https://github.com/o/r",
		.labels = labels,
		.version = (char *)"2.336.0",
		.tree = (char *)"/d/runner/2.336.0",
		.layers = (char *)"/d/init/x/layers",
		.scratch = (char *)"/s/desk-1",
		.mode = SLOT_MODE_PRIVILEGED,
		.host = true,
		.limits = {1500, INT64_C(8) << 30, 4096},
		.env = env,
	};
	struct slot_spec back = {0};
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf text;

	(void)state;
	dr_buf_init(&text, SLOT_FILE_MAX);
	assert_int_equal(slot_spec_write(&spec, &text), 0);
	if (slot_spec_parse(text.data, text.len, &back, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(back.runner, "desk-1");
	assert_string_equal(back.tree, spec.tree);
	assert_string_equal(back.labels[1], "a \"b\"");
	assert_string_equal(back.env[0], "A=1\n2");
	assert_int_equal(back.mode, SLOT_MODE_PRIVILEGED);
	assert_true(back.host);
	assert_int_equal(back.limits.cpus_milli, 1500);
	assert_int_equal(back.limits.memory, INT64_C(8) << 30);
	assert_null(back.group);
	assert_null(back.ca_file);
	slot_spec_clear(&back);
}

static void spec_without_what_is_needed_is_refused(void **state)
{
	struct slot_spec spec = {0};
	struct dr_err err = DR_ERR_INIT;
	const char *text = "{\"runner\":\"x\",\"mode\":\"standard\"}";

	(void)state;
	assert_int_equal(slot_spec_parse(text, strlen(text), &spec, &err), -1);
	assert_non_null(strstr(err.msg, "is missing"));
}

static void desired_state_survives_being_written(void **state)
{
	(void)state;
	for (int i = SLOT_RUN; i <= SLOT_NOW; i++) {
		struct slot_desired d = {(enum slot_want)i, i + 5}, back;
		struct dr_err err = DR_ERR_INIT;
		auto_buf struct dr_buf text;

		dr_buf_init(&text, SLOT_FILE_MAX);
		assert_int_equal(slot_desired_write(&d, &text), 0);
		assert_int_equal(slot_desired_parse(text.data, text.len, &back,
					 &err),
			0);
		assert_int_equal(back.want, d.want);
		assert_int_equal(back.generation, d.generation);
	}
}

static void unknown_desire_is_refused(void **state)
{
	struct slot_desired d;
	struct dr_err err = DR_ERR_INIT;
	const char *text = "{\"want\":\"fly\"}";

	(void)state;
	assert_int_equal(slot_desired_parse(text, strlen(text), &d, &err), -1);
	assert_non_null(strstr(err.msg, "fly"));
}

static void registration_is_read_from_the_runners_file(void **state)
{
	const char *text = "\xef\xbb\xbf{\"agentId\":7,\"agentName\":\"desk-1\""
			   ",\"gitHubUrl\":\"https://github.com/o/r\"}";
	struct slot_registration r = {0}, back = {0};
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, SLOT_FILE_MAX);
	assert_int_equal(slot_runner_file_parse(text, strlen(text), &r, &err),
		0);
	assert_int_equal(slot_registration_write(&r, &out), 0);
	assert_int_equal(slot_registration_parse(out.data, out.len, &back,
				 &err),
		0);
	assert_int_equal(back.id, 7);
	assert_string_equal(back.name, "desk-1");
	assert_string_equal(back.url, "https://github.com/o/r");
	slot_registration_clear(&r);
	slot_registration_clear(&back);
	assert_int_equal(slot_registration_parse("{}", 2, &back, &err), -1);
}

static void receipt_says_what_was_wiped(void **state)
{
	struct slot_job job = job_of("o/r");
	struct slot_receipt receipt = {
		.runner = "desk-1",
		.world = "w-1-1",
		.job = &job,
		.isolation = "world",
		.mode = "standard",
		.started_ms = 1764040605079u,
		.waited_us = 310,
		.files = 12,
		.verdict = "clean",
	};
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, SLOT_LINE_MAX);
	assert_int_equal(slot_receipt_write(&receipt, &out), 0);
	assert_non_null(strstr(out.data, "\"repository\":\"o/r\""));
	assert_non_null(strstr(out.data, "\"waited_ms\":0.31"));
	assert_non_null(strstr(out.data, "\"files\":12"));
	assert_non_null(strstr(out.data, "\"verdict\":\"clean\""));
	assert_non_null(strstr(out.data, "2025-11-25T03:16:45.079Z"));
}

static void names_of_modes_lead_back(void **state)
{
	enum slot_mode mode;

	(void)state;
	assert_int_equal(slot_mode_parse("standard", &mode), 0);
	assert_int_equal(mode, SLOT_MODE_STANDARD);
	assert_string_equal(slot_mode_name(SLOT_MODE_PRIVILEGED), "privileged");
	assert_int_equal(slot_mode_parse("dind", &mode), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_fold_into_what_is_the_case),
		cmocka_unit_test(snapshot_tells_a_late_reader_everything),
		cmocka_unit_test(ended_listener_is_started_again_or_not),
		cmocka_unit_test(death_of_the_listener_outlasts_its_job),
		cmocka_unit_test(worlds_of_a_predecessor_are_not_counted),
		cmocka_unit_test(deletion_outlasts_the_listener),
		cmocka_unit_test(new_epoch_forgets_the_old_one),
		cmocka_unit_test(rubbish_old_and_repeated_lines_are_skipped),
		cmocka_unit_test(every_event_is_written_and_read),
		cmocka_unit_test(spec_survives_being_written),
		cmocka_unit_test(spec_without_what_is_needed_is_refused),
		cmocka_unit_test(desired_state_survives_being_written),
		cmocka_unit_test(unknown_desire_is_refused),
		cmocka_unit_test(registration_is_read_from_the_runners_file),
		cmocka_unit_test(receipt_says_what_was_wiped),
		cmocka_unit_test(names_of_modes_lead_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
