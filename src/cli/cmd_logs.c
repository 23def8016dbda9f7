/* deskrun-runner logs */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "runner/session.h"
#include "runner/tail.h"
#include "util/cleanup.h"

struct logs_options {
	bool follow;
	bool events;
	bool receipts;
	int64_t lines;
};

static const struct logs_options defaults = {.lines = -1};

static const struct cli_option options[] = {
	{.type = CLI_FLAG,
		.letter = 'f',
		.name = "follow",
		.offset = CLI_AT(logs_options, follow),
		.help = "go on with what is written from now on"},
	{.type = CLI_NUMBER,
		.letter = 'n',
		.name = "lines",
		.offset = CLI_AT(logs_options, lines),
		.arg = "N",
		.help = "begin with the last N lines",
		.min = 0,
		.max = INT_MAX},
	{.type = CLI_FLAG,
		.name = "events",
		.offset = CLI_AT(logs_options, events),
		.help = "the supervisor's events, a JSON object a line"},
	{.type = CLI_FLAG,
		.name = "receipts",
		.offset = CLI_AT(logs_options, receipts),
		.help = "the wipe receipts, a JSON object a line"},
	{.type = CLI_END},
};

static const struct cli_example examples[] = {
	{"logs -f", "follow what all runners print"},
	{"logs --receipts desk", "what was wiped on the runners of a pool"},
	{0},
};

/* The manager's view is done: only slots that exist are followed. */
static int add_files(struct tail *t, const struct roster *roster,
	const struct logs_options *o, struct dr_err *err)
{
	const char *name = o->receipts ? SLOT_RECEIPTS
		: o->events	       ? SLOT_EVENTS
				       : SLOT_LOG_LISTENER;
	char path[PATH_MAX], prefix[128];

	for (size_t i = 0; i < roster->n; i++) {
		const struct roster_runner *r = &roster->v[i];

		snprintf(path, sizeof(path), "slots/%s/%s", r->name, name);
		snprintf(prefix, sizeof(prefix), "%s | ", r->name);
		/* a JSON line says itself whose it is, or stays parseable */
		if (tail_add(t, path,
			    roster->n > 1 && name[0] == 'l' ? prefix : NULL,
			    err) < 0)
			return -1;
	}
	return 0;
}

static int run(const struct cli_call *call, struct dr_err *err)
{
	const struct logs_options *o = call->options;
	auto_config struct config config = {0};
	auto_session struct session session = SESSION_INIT;
	struct tail *t;
	int rc;

	if (o->events && o->receipts)
		return dr_err_set(err, DR_USAGE,
			"--events and --receipts exclude each other");
	if (cli_load_config(call, &config, err) < 0 ||
		session_open(&config, NULL, call->args, &session, err) < 0)
		return -1;
	if (session.home.fd < 0)
		return dr_err_set(err, DR_NOT_FOUND,
			"there is no %s as yet: "
			"nothing was started",
			config.data);
	t = tail_new(session.home.fd, o->lines);
	if (!t)
		return dr_err_oom(err);
	rc = add_files(t, &session.roster, o, err);
	if (rc == 0)
		rc = tail_print(t, stdout, err);
	while (rc == 0 && o->follow && !cli_interrupted) {
		tail_wait(t);
		rc = tail_print(t, stdout, err);
	}
	tail_free(t);
	return rc;
}

const struct cli_command cmd_logs = {
	.name = "logs",
	.args = "[RUNNER...]",
	.max_args = -1,
	.summary = "print what the runners print",
	.description =
		"Prints the output of the official runner's Listener, which "
		"names each job and its result. With several runners each "
		"line begins with the runner's name.",
	.options = options,
	.options_size = sizeof(struct logs_options),
	.options_default = &defaults,
	.examples = examples,
	.run = run,
};
