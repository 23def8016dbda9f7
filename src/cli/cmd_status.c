/* deskrun-runner status, list */
#include "cli/commands.h"
#include "cli/runners.h"
#include "runner/hub.h"
#include "runner/session.h"
#include "util/log.h"

struct status_options {
	bool local;
};

static const struct cli_option options[] = {
	{.type = CLI_FLAG,
		.name = "local",
		.offset = CLI_AT(status_options, local),
		.help = "do not ask GitHub"},
	{.type = CLI_END},
};

/* GitHub's part is missing rather than all of it. */
static void ask_github(const struct config *config, struct roster *roster)
{
	struct dr_err why = DR_ERR_INIT;
	auto_hub struct hub *hub = hub_new(config, &cli_interrupted, &why);

	if (!hub || hub_look(hub, roster, &why) < 0)
		log_warn("what GitHub says is missing: %s", why.msg);
}

static int show(const struct cli_call *call, enum runners_view view, bool local,
	struct dr_err *err)
{
	auto_config struct config config = {0};
	auto_session struct session session = SESSION_INIT;

	if (cli_load_config(call, &config, err) < 0 ||
		session_open(&config, NULL, call->args, &session, err) < 0)
		return -1;
	if (!local)
		ask_github(&config, &session.roster);
	if (cli_check_interrupted(err) < 0)
		return -1;
	return runners_print(call, &session.roster, view, err);
}

static int status(const struct cli_call *call, struct dr_err *err)
{
	const struct status_options *o = call->options;

	return show(call, RUNNERS_STATUS, o->local, err);
}

static int list(const struct cli_call *call, struct dr_err *err)
{
	return show(call, RUNNERS_LIST, true, err);
}

const struct cli_command cmd_status = {
	.name = "status",
	.args = "[RUNNER...]",
	.max_args = -1,
	.summary = "show what the runners do, here and on GitHub",
	.description =
		"Shows each runner's state, what GitHub says of it, which "
		"isolation is in force, how many jobs it ran and how many "
		"worlds were wiped since its supervisor started, the job that "
		"runs, and why it is not listening when it is not.",
	.options = options,
	.options_size = sizeof(struct status_options),
	.run = status,
};

const struct cli_command cmd_list = {
	.name = "list",
	.args = "[RUNNER...]",
	.max_args = -1,
	.summary = "list the runners of the configuration",
	.description =
		"Lists the runners that the configuration has, and those that "
		"it no longer has but which still have a slot. GitHub is not "
		"asked; see status for that.",
	.run = list,
};
