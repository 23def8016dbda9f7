#include "cli/runners.h"

#include <stdlib.h>

#include "cli/table.h"
#include "util/cleanup.h"
#include "util/clock.h"

static const struct table_column list_columns[] = {
	{"runner", "RUNNER"},
	{"pool", "POOL"},
	{"target", "TARGET"},
	{"labels", "LABELS"},
	{"mode", "MODE"},
	{"state", "STATE"},
};

static const struct table_column status_columns[] = {
	{"runner", "RUNNER"},
	{"pool", "POOL"},
	{"state", "STATE"},
	{"since", "FOR"},
	{"github", "GITHUB"},
	{"id", "ID"},
	{"isolation", "ISOLATION"},
	{"mode", NULL},
	{"jobs", "JOBS"},
	{"wiped", "WIPED"},
	{"job", "JOB"},
	{"reason", "REASON"},
	{"notes", NULL},
	{"pid", NULL},
	{"restarts", NULL},
};

/* What the slot is in, as far as a process vouches for it. */
static const char *state_of(const struct roster_runner *r)
{
	const struct engine_slot *slot = &r->slot;

	if (slot->alive && slot->desired.want != SLOT_RUN &&
		slot->state.phase == PHASE_BUSY)
		return "draining";
	if (slot->alive)
		return slot_phase_name(slot->state.phase);
	if (slot->state.phase == PHASE_FATAL && slot->spec)
		return "failed";
	/* its last word was not that it ends */
	if (slot->spec && slot->state.epoch > 0 &&
		slot->state.phase != PHASE_STOPPED)
		return "died";
	return "stopped";
}

static const char *github_of(const struct roster_runner *r)
{
	switch (r->hub) {
	case HUB_UNKNOWN:
		return NULL;
	case HUB_ABSENT:
		return "absent";
	case HUB_FOREIGN:
		return "not ours";
	case HUB_OURS:
		break;
	}
	if (r->hub_busy)
		return "busy";
	return r->hub_online ? "online" : "offline";
}

/* "3d", "5h", "12m", "8s" */
static void put_since(struct table *t, const struct roster_runner *r)
{
	static const struct {
		uint64_t seconds;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	uint64_t since = r->slot.state.since_ms, now = clock_wall_ms(), passed;
	char at[CLOCK_TEXT_SIZE], shown[32];

	if (since == 0 || !r->slot.alive) {
		table_text(t, NULL);
		return;
	}
	clock_format(since, at);
	table_text(t, at);
	passed = now > since ? (now - since) / 1000 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (passed < units[i].seconds && units[i].seconds > 1)
			continue;
		snprintf(shown, sizeof(shown), "%llu%c",
			(unsigned long long)(passed / units[i].seconds),
			units[i].unit);
		break;
	}
	table_show_as(t, shown);
}

static void put_job(struct table *t, const struct slot_state *s)
{
	auto_free char *text = NULL;

	if (s->job.repository &&
		asprintf(&text, "%s %s #%s", s->job.repository,
			s->job.job ? s->job.job : "?",
			s->job.run_id ? s->job.run_id : "?") < 0)
		text = NULL;
	table_text(t, text ? text : s->world);
}

static const char *pool_of(const struct roster_runner *r)
{
	return r->pool ? r->pool->name : NULL;
}

static void put_list_row(struct table *t, const struct roster_runner *r)
{
	table_text(t, r->name);
	table_text(t, pool_of(r));
	table_text(t, r->pool ? r->pool->target : r->slot.registration.url);
	table_list(t, r->pool ? r->pool->labels : NULL);
	table_text(t, r->pool ? slot_mode_name(r->pool->mode) : NULL);
	table_text(t, state_of(r));
}

static void put_status_row(struct table *t, const struct roster_runner *r)
{
	const struct slot_state *s = &r->slot.state;

	table_text(t, r->name);
	table_text(t, pool_of(r));
	table_text(t, state_of(r));
	put_since(t, r);
	table_text(t, github_of(r));
	if (r->slot.registration.id > 0)
		table_number(t, r->slot.registration.id);
	else
		table_text(t, NULL);
	table_text(t, r->slot.alive ? s->isolation : NULL);
	table_text(t, r->pool ? slot_mode_name(r->pool->mode) : NULL);
	table_number(t, s->jobs);
	table_number(t, s->wiped);
	put_job(t, s);
	table_text(t, s->reason);
	table_list(t, s->notes);
	if (r->slot.alive)
		table_number(t, atoll(r->slot.holder));
	else
		table_text(t, NULL);
	table_number(t, s->restarts);
}

int runners_print(const struct cli_call *call, const struct roster *roster,
	enum runners_view view, struct dr_err *err)
{
	auto_table struct table t;
	bool list = view == RUNNERS_LIST;

	table_init(&t, list ? list_columns : status_columns,
		list ? ARRAY_SIZE(list_columns) : ARRAY_SIZE(status_columns));
	for (size_t i = 0; i < roster->n; i++) {
		if (list)
			put_list_row(&t, &roster->v[i]);
		else
			put_status_row(&t, &roster->v[i]);
	}
	return table_print(&t, (enum cli_output)call->globals->output, stdout,
		err);
}
