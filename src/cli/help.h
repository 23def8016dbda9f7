/* Help, printed from the tables of the commands. */
#ifndef DESKRUN_CLI_HELP_H
#define DESKRUN_CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"

/* All commands, the options of every command, exit statuses */
void help_program(const struct cli_command *const *commands, FILE *to);
/* One command */
void help_command(const struct cli_command *command, FILE *to);

#endif
