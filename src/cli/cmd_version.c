/* deskrun-runner version */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/table.h"
#include "config.h"
#include "util/cleanup.h"

static int run(const struct cli_call *call, struct dr_err *err)
{
	static const struct table_column columns[] = {
		{"version", "VERSION"},
	};
	auto_table struct table t;

	table_init(&t, columns, ARRAY_SIZE(columns));
	if (call->globals->output == CLI_TABLE) {
		printf("%s %s\n", CLI_PROGRAM, PACKAGE_VERSION);
		return 0;
	}
	table_text(&t, PACKAGE_VERSION);
	return table_print_object(&t, stdout, err);
}

const struct cli_command cmd_version = {
	.name = "version",
	.args = "",
	.summary = "print the version",
	.run = run,
};
