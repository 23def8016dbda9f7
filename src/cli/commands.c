#include "cli/commands.h"

#include <stddef.h>

const struct cli_command *const cli_commands[] = {
	&cmd_start,
	&cmd_stop,
	&cmd_status,
	&cmd_list,
	&cmd_logs,
	&cmd_config_check,
	&cmd_config_show,
	&cmd_help,
	&cmd_version,
	NULL,
};
