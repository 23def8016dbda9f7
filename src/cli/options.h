/* From argv to a command and the struct of its options. */
#ifndef DESKRUN_CLI_OPTIONS_H
#define DESKRUN_CLI_OPTIONS_H

#include "cli/cli.h"

struct invocation {
	struct cli_globals globals;
	const struct cli_command *command; /* NULL: none was named */
	void *options;			   /* the command's struct; owned */
	char **args; /* operands: the end of argv, which is reordered */
	int n_args;
};

/*
 * Sorts out argv as the tables say. Every error is DR_USAGE, and points to
 * the help that would have told. To be cleared also after failure. Uses
 * getopt_long(3) and so its global state.
 */
int invocation_parse(struct invocation *inv,
	const struct cli_command *const *commands, int argc, char **argv,
	struct dr_err *err);
void invocation_clear(struct invocation *inv);

#endif
