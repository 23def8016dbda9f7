/* deskrun-runner stop */
#include "cli/commands.h"
#include "runner/stop.h"
#include "util/log.h"

struct stop_options {
	bool now;
	bool local;
	int64_t timeout_s;
};

static const struct cli_option options[] = {
	{.type = CLI_FLAG,
		.name = "now",
		.offset = CLI_AT(stop_options, now),
		.help = "cancel running jobs instead of waiting for their "
			"end"},
	{.type = CLI_FLAG,
		.name = "local",
		.offset = CLI_AT(stop_options, local),
		.help = "do not ask GitHub; the registrations stay there"},
	{.type = CLI_SECONDS,
		.name = "timeout",
		.offset = CLI_AT(stop_options, timeout_s),
		.arg = "TIME",
		.help = "give up after this long",
		.min = 1,
		.max = 604800},
	{.type = CLI_END},
};

static const struct cli_example examples[] = {
	{"stop", "stop every runner once its job has ended"},
	{"stop --now desk", "cancel the jobs of the pool desk"},
	{0},
};

static int run(const struct cli_call *call, struct dr_err *err)
{
	const struct stop_options *o = call->options;
	auto_config struct config config = {0};
	auto_session struct session session = SESSION_INIT;
	struct stop_request request = {
		.session = &session,
		.now = o->now,
		.local = o->local,
		.timeout_s = (int)o->timeout_s,
		.interrupted = &cli_interrupted,
	};
	size_t stopped = 0;

	if (cli_load_config(call, &config, err) < 0 ||
		session_open(&config, "stop", call->args, &session, err) < 0)
		return -1;
	for (size_t i = 0; i < session.roster.n; i++)
		stopped += session.roster.v[i].slot.alive ||
			session.roster.v[i].slot.registration.id > 0;
	if (stop_runners(&request, err) < 0)
		return -1;
	if (stopped == 0)
		log_info("nothing runs");
	else
		log_info("%zu runner%s stopped; logs and receipts stay in "
			 "%s/slots",
			stopped, stopped == 1 ? "" : "s", config.data);
	return 0;
}

const struct cli_command cmd_stop = {
	.name = "stop",
	.args = "[RUNNER...]",
	.max_args = -1,
	.summary = "drain the runners and take them off GitHub",
	.description =
		"Stops every runner (or those that are named, by their own "
		"name or their pool's) without losing a job: one that runs a "
		"job ends after it, and one that is idle is first taken off "
		"GitHub, so that it can be given none. Queued jobs stay in "
		"the queue.\n"
		"Logs and receipts are kept. When interrupted, run it again.",
	.options = options,
	.options_size = sizeof(struct stop_options),
	.examples = examples,
	.run = run,
};
