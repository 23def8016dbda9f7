/*
 * The commands, each in its own file. To add one: an extern here, and its
 * place in the table of commands.c, whose order is help's.
 */
#ifndef DESKRUN_CLI_COMMANDS_H
#define DESKRUN_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command cmd_config_check;
extern const struct cli_command cmd_config_show;
extern const struct cli_command cmd_help;
extern const struct cli_command cmd_list;
extern const struct cli_command cmd_logs;
extern const struct cli_command cmd_start;
extern const struct cli_command cmd_status;
extern const struct cli_command cmd_stop;
extern const struct cli_command cmd_version;

/* Ends with NULL. */
extern const struct cli_command *const cli_commands[];

#endif
