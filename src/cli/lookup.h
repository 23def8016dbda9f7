/* Commands by their names. */
#ifndef DESKRUN_CLI_LOOKUP_H
#define DESKRUN_CLI_LOOKUP_H

#include "cli/cli.h"

/*
 * The command that words (at least one, NULL-terminated) begin with, and how
 * many of them are its name. NULL with DR_USAGE and the nearest name.
 */
const struct cli_command *lookup_command(
	const struct cli_command *const *commands, char *const *words,
	int *n_words, struct dr_err *err);

/* Whether a name has two words and this is the first: "config". */
bool lookup_in_group(const struct cli_command *command, const char *group);

#endif
