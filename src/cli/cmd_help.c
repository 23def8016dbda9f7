/* deskrun-runner help */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/lookup.h"
#include "util/cleanup.h"

/* "help config": all that begin with the word. */
static bool help_group(const char *group)
{
	bool found = false;

	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		if (!lookup_in_group(*c, group))
			continue;
		if (found)
			printf("\n");
		help_command(*c, stdout);
		found = true;
	}
	return found;
}

static int run(const struct cli_call *call, struct dr_err *err)
{
	const struct cli_command *command;
	int words = 0;

	if (call->n_args == 0) {
		help_program(cli_commands, stdout);
		return 0;
	}
	if (call->n_args == 1 && help_group(call->args[0]))
		return 0;
	command = lookup_command(cli_commands, call->args, &words, err);
	if (!command)
		return -1;
	if (words < call->n_args)
		return dr_err_set(err, DR_USAGE,
			"unexpected operand '%.64s': one command at a time",
			call->args[words]);
	help_command(command, stdout);
	return 0;
}

static const struct cli_example examples[] = {
	{"help config check", "how that command is used"},
	{0},
};

const struct cli_command cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.max_args = 2,
	.summary = "tell how commands are used",
	.description = "Without COMMAND, lists all commands, the options that "
		       "each of them takes, and the exit statuses.",
	.examples = examples,
	.run = run,
};
