#include "cli/commands.h"

#include <stddef.h>

const struct cli_command *const cli_commands[] = {
	&cmd_config_check,
	&cmd_config_show,
	&cmd_help,
	&cmd_version,
	NULL,
};
