/* deskrun-runner start */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/runners.h"
#include "runner/start.h"
#include "util/log.h"
#include "util/strv.h"

struct start_options {
	const char *tarball;
	int64_t timeout_s;
};

static const struct cli_option options[] = {
	{.type = CLI_TEXT,
		.name = "tarball",
		.offset = CLI_AT(start_options, tarball),
		.arg = "FILE",
		.help = "use this archive of the runner instead of a "
			"download"},
	{.type = CLI_SECONDS,
		.name = "timeout",
		.offset = CLI_AT(start_options, timeout_s),
		.arg = "TIME",
		.help = "give up after this long",
		.min = 1,
		.max = 86400},
	{.type = CLI_END},
};

static const struct cli_example examples[] = {
	{"start", "start every runner of the configuration"},
	{"start desk", "only those of the pool desk"},
	{0},
};

/* How a workflow gets at them */
static void tell_next(const struct roster *roster)
{
	size_t running = 0;
	const struct config_pool *pool = NULL;

	for (size_t i = 0; i < roster->n; i++) {
		if (!roster->v[i].pool)
			continue;
		pool = roster->v[i].pool;
		running++;
	}
	if (running == 0)
		return;
	log_info("%zu runner%s ready; a job comes here by: runs-on: "
		 "[self-hosted%s%s]",
		running, running == 1 ? " is" : "s are",
		pool->labels[0] ? ", " : "",
		pool->labels[0] ? pool->labels[0] : "");
}

/* GitHub's list is from before the start; a session that is open is newer. */
static void mark_connected(struct roster_runner *r)
{
	if (!r->pool)
		return;
	r->hub = HUB_OURS;
	r->hub_online = true;
	r->hub_busy = r->slot.state.phase == PHASE_BUSY;
}

static int run(const struct cli_call *call, struct dr_err *err)
{
	const struct start_options *o = call->options;
	auto_config struct config config = {0};
	auto_session struct session session = SESSION_INIT;
	struct start_request request = {
		.session = &session,
		.tarball = o->tarball,
		.timeout_s = (int)o->timeout_s,
		.interrupted = &cli_interrupted,
	};

	if (cli_load_config(call, &config, err) < 0 ||
		session_open(&config, "start", call->args, &session, err) < 0 ||
		start_runners(&request, err) < 0)
		return -1;
	tell_next(&session.roster);
	for (size_t i = 0; i < session.roster.n; i++)
		mark_connected(&session.roster.v[i]);
	return runners_print(call, &session.roster, RUNNERS_STATUS, err);
}

const struct cli_command cmd_start = {
	.name = "start",
	.args = "[RUNNER...]",
	.max_args = -1,
	.summary = "register the runners and have them listen for jobs",
	.description =
		"Brings every runner of the configuration (or those that are "
		"named, by their own name or their pool's) to where it listens "
		"for jobs: downloads and unpacks the official runner when that "
		"version is not there, registers what is not registered, and "
		"starts a supervisor for each.\n"
		"Runners that run already are left alone. One whose settings "
		"changed is replaced once its running job has ended, and one "
		"that the configuration no longer has is stopped. The runners "
		"go on when this command has ended.",
	.options = options,
	.options_size = sizeof(struct start_options),
	.examples = examples,
	.run = run,
};
