#include "init/supervisor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "util/cleanup.h"
#include "util/log.h"

#define AGAIN_MS 1000

/* Exit codes of the Worker: src/Runner.Common/Util/TaskResultUtil.cs */
static const char *result_name(const struct wipe *wipe)
{
	switch (wipe->kind == WIPE_WORLD ? wipe->end.code : -1) {
	case 100:
		return "succeeded";
	case 101:
		return "succeeded_with_issues";
	case 102:
		return "failed";
	case 103:
		return "cancelled";
	case 104:
		return "skipped";
	case 105:
		return "abandoned";
	default:
		return "crashed";
	}
}

static void write_receipt(struct supervisor *s, const struct wipe *wipe,
	const struct janitor_report *report)
{
	struct slot_receipt receipt = {
		.runner = s->spec.runner,
		.world = wipe->world.name,
		.job = &wipe->identity,
		.result = result_name(wipe),
		.isolation = "world",
		.mode = slot_mode_name(s->spec.mode),
		.started_ms = wipe->world.started_ms,
		.ended_ms = wipe->ended_ms,
		.waited_us = wipe->waited_us,
		.files = report->files,
		.bytes = report->bytes,
		.processes = wipe->end.processes,
		.mounts = report->mounts,
		.recovered = wipe->kind == WIPE_RECOVERED,
		.verdict = report->failed ? "tainted" : "clean",
	};
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf line;

	dr_buf_init(&line, SLOT_LINE_MAX);
	if (slot_receipt_write(&receipt, &line) < 0)
		dr_err_set(&err, DR_FAILED, "a receipt is too large");
	else if (rotated_full(&s->wipes.receipts, line.len) &&
		rotated_rotate(&s->wipes.receipts, &err) < 0)
		log_error("%s", err.msg);
	else if (rotated_append(&s->wipes.receipts, line.data, line.len,
			 &err) == 0)
		return;
	log_error("%s: %s", wipe->world.name, err.msg);
}

static void free_first(struct wipes *w)
{
	struct wipe *wipe = w->first;

	w->first = wipe->next;
	slot_job_clear(&wipe->identity);
	free(wipe);
}

static void on_report(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	struct wipes *w = &s->wipes;
	struct wipe *wipe = w->first;
	struct janitor_report report = {0};

	(void)events;
	loop_remove(&s->loop, &w->report);
	w->report.fd = -1;
	if (janitor_collect(&w->janitor, &report) < 0)
		report = (struct janitor_report){
			.failed = 1,
			.reason = "the janitor died",
		};
	report.reason[sizeof(report.reason) - 1] = '\0';
	if (report.failed)
		events_emit(&s->events,
			&(struct slot_event){.type = EV_TAINTED,
				.world = wipe->world.name,
				.reason = report.reason});
	if (wipe->kind != WIPE_UNBORN) {
		/* the reader of the event finds the receipt */
		write_receipt(s, wipe, &report);
		events_emit(&s->events,
			&(struct slot_event){
				.type = EV_WIPED, .world = wipe->world.name});
	}
	free_first(w);
}

static void on_again(void *arg)
{
	(void)arg; /* supervisor_decide() looks whether there is work */
}

int wipes_open(struct supervisor *s, struct dr_err *err)
{
	s->wipes = (struct wipes){
		.report = {.fd = -1, .ready = on_report, .arg = s},
		.again = {.fire = on_again, .arg = s},
	};
	return rotated_open(&s->wipes.receipts, s->slot_fd, SLOT_RECEIPTS, err);
}

void wipes_close(struct supervisor *s)
{
	while (s->wipes.first)
		free_first(&s->wipes);
	rotated_close(&s->wipes.receipts);
}

bool wipes_pending(const struct supervisor *s)
{
	return s->wipes.first != NULL;
}

void wipes_add(struct supervisor *s, const struct wipe *wipe)
{
	struct wipe **at = &s->wipes.first;
	struct wipe *copy = malloc(sizeof(*copy));

	if (!copy) {
		/* the next supervisor finds what is left */
		log_error("%s: out of memory", wipe->world.name);
		return;
	}
	*copy = *wipe;
	copy->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = copy;
}

void wipes_work(struct supervisor *s)
{
	struct wipes *w = &s->wipes;
	struct dr_err err = DR_ERR_INIT;
	int rc;

	if (!w->first || w->report.fd >= 0 || w->again.set)
		return;
	if (w->first->kind == WIPE_WORLD)
		rc = janitor_start(s->ground, &w->first->world, &w->janitor,
			&err);
	else
		rc = janitor_start_leftover(s->ground, w->first->world.name,
			&w->janitor, &err);
	if (rc == 0) {
		w->report.fd = w->janitor.report_fd;
		rc = loop_add(&s->loop, &w->report, EPOLLIN, &err);
	}
	if (rc == 0)
		return;
	w->report.fd = -1;
	log_error("%s: %s", w->first->world.name, err.msg);
	loop_timer_set(&s->loop, &w->again, AGAIN_MS);
}
