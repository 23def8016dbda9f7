/* deskrun-runner config check, config show */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/table.h"
#include "util/cleanup.h"

/* With -o json the problems are the result, also when there are none. */
static int print_problems(const struct config_problems *problems,
	struct dr_err *err)
{
	static const struct table_column columns[] = {
		{"file", "FILE"},
		{"line", "LINE"},
		{"column", "COLUMN"},
		{"message", "MESSAGE"},
	};
	auto_table struct table t;

	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < problems->n; i++) {
		table_text(&t, problems->file);
		table_number(&t, problems->v[i].line);
		table_number(&t, problems->v[i].column);
		table_text(&t, problems->v[i].text);
	}
	return table_print(&t, CLI_JSON, stdout, err);
}

static int check_json(const struct cli_call *call, struct dr_err *err)
{
	auto_problems struct config_problems problems;
	auto_config struct config config = {0};
	struct dr_err print_err = DR_ERR_INIT;
	int rc = config_load(call->globals->config_file, &config, &problems,
		err);

	/* what was not even read has no places to print */
	if (rc < 0 && problems.n == 0)
		return -1;
	if (print_problems(&problems, &print_err) < 0) {
		*err = print_err;
		return -1;
	}
	return rc;
}

static int check(const struct cli_call *call, struct dr_err *err)
{
	auto_config struct config config = {0};
	size_t runners = 0;

	if (call->globals->output == CLI_JSON)
		return check_json(call, err);
	if (cli_load_config(call, &config, err) < 0)
		return -1;
	for (size_t i = 0; i < config.n_pools; i++)
		runners += (size_t)config.pools[i].count;
	if (!call->globals->quiet)
		printf("%s: good; pools: %zu, runners: %zu\n", config.file,
			config.n_pools, runners);
	return 0;
}

static int show(const struct cli_call *call, struct dr_err *err)
{
	static const struct table_column columns[] = {
		{"key", "KEY"},
		{"value", "VALUE"},
		{"file", NULL},
		{"line", "ORIGIN"},
	};
	auto_config struct config config = {0};
	auto_table struct table t;
	struct config_value value;
	char origin[4200];
	size_t at = 0;

	table_init(&t, columns, ARRAY_SIZE(columns));
	if (cli_load_config(call, &config, err) < 0)
		return -1;
	while (config_value_next(&config, &at, &value)) {
		bool given = value.line > 0;

		table_text(&t, value.path);
		table_text(&t, value.value);
		table_text(&t, given ? config.file : NULL);
		if (given) {
			snprintf(origin, sizeof(origin), "%s:%d", config.file,
				value.line);
			table_number(&t, value.line);
			table_show_as(&t, origin);
		} else {
			table_text(&t, NULL);
			table_show_as(&t, "default");
		}
	}
	return table_print(&t, (enum cli_output)call->globals->output, stdout,
		err);
}

const struct cli_command cmd_config_check = {
	.name = "config check",
	.args = "",
	.summary = "say what is wrong with the configuration",
	.description =
		"Reads the configuration and lists everything that is wrong "
		"with it, each with file, line and column. Nothing else is "
		"done: neither GitHub nor the engine is asked.\n"
		"With -o json the list is an array, and empty when all is "
		"well.",
	.run = check,
};

const struct cli_command cmd_config_show = {
	.name = "config show",
	.args = "",
	.summary = "print the configuration that is in force",
	.description =
		"Prints every setting with its value and where it comes from: "
		"a line of the file, or the default. Paths are shown as they "
		"were understood. Tokens and the values of env are never "
		"shown.",
	.run = show,
};
