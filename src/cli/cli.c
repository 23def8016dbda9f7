#include "cli/cli.h"

#include <stdio.h>

#include "util/log.h"

volatile sig_atomic_t cli_interrupted;

static const char *const outputs[] = {
	[CLI_TABLE] = "table", [CLI_JSON] = "json", NULL};

const struct cli_option cli_global_options[] = {
	{
		.type = CLI_CHOICE,
		.letter = 'o',
		.name = "output",
		.offset = CLI_AT(cli_globals, output),
		.arg = "FORMAT",
		.choices = outputs,
		.help = "how results are printed: table (default) or json",
	},
	{
		.type = CLI_FLAG,
		.letter = 'q',
		.name = "quiet",
		.offset = CLI_AT(cli_globals, quiet),
		.help = "print no progress and no warnings",
	},
	{
		.type = CLI_FLAG,
		.letter = 'v',
		.name = "verbose",
		.offset = CLI_AT(cli_globals, verbose),
		.help = "also print requests, child processes and decisions",
	},
	{
		.type = CLI_TEXT,
		.name = "config",
		.offset = CLI_AT(cli_globals, config_file),
		.arg = "FILE",
		.help = "read this configuration and look for no other",
	},
	{
		.type = CLI_FLAG,
		.letter = 'h',
		.name = "help",
		.offset = CLI_AT(cli_globals, help),
		.help = "print help and do nothing",
	},
	{
		.type = CLI_FLAG,
		.name = "version",
		.offset = CLI_AT(cli_globals, version),
		.help = "print the version and do nothing",
	},
	{.type = CLI_END},
};

const struct cli_status cli_statuses[] = {
	{DR_OK, "done"},
	{DR_FAILED, "failed"},
	{DR_USAGE, "the command line is wrong"},
	{DR_CONFIG, "the configuration is wrong or missing"},
	{DR_AUTH, "no token, or GitHub does not accept it"},
	{DR_NETWORK, "GitHub cannot be reached, or limits the rate"},
	{DR_ENGINE, "the engine cannot run runners"},
	{DR_NOT_FOUND, "something named does not exist"},
	{DR_BUSY, "something is in use by others, or refused"},
	{DR_TIMEOUT, "time ran out"},
	{DR_INTERRUPTED, "interrupted by a signal"},
	{DR_OK, NULL},
};

int cli_check_interrupted(struct dr_err *err)
{
	if (!cli_interrupted)
		return 0;
	return dr_err_set(err, DR_INTERRUPTED, "interrupted");
}

int cli_load_config(const struct cli_call *call, struct config *config,
	struct dr_err *err)
{
	auto_problems struct config_problems problems;
	const struct config_problem *p;

	if (config_load(call->globals->config_file, config, &problems, err) ==
		0) {
		log_debug("configuration: %s", config->file);
		return 0;
	}
	/* a single one is the error itself */
	for (size_t i = 0; problems.n > 1 && i < problems.n; i++) {
		p = &problems.v[i];
		fprintf(stderr, "%s:%d:%d: %s\n", problems.file, p->line,
			p->column, p->text);
	}
	return -1;
}
