/* src/cli: from argv to a command and its options, and help of them. */
#include "unit.h"

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"
#include "util/cleanup.h"
#include "util/strv.h"

#define MAX_ARGS 16

enum colour {
	RED,
	GREEN,
};

struct fetch_options {
	bool follow;
	const char *file;
	char **labels;
	int64_t lines, timeout;
	int colour;
};

static const char *const colours[] = {"red", "green", NULL};

static const struct cli_option fetch_table[] = {
	{CLI_FLAG, 'f', "follow", CLI_AT(fetch_options, follow), NULL,
		"go on as more comes", 0, 0, NULL},
	{CLI_TEXT, 0, "file", CLI_AT(fetch_options, file), "FILE",
		"write it there", 0, 0, NULL},
	{CLI_TEXTS, 'l', "label", CLI_AT(fetch_options, labels), "LABEL",
		"only what has this label; may be given more than once", 0, 0,
		NULL},
	{CLI_NUMBER, 'n', "lines", CLI_AT(fetch_options, lines), "N",
		"at most so many lines", 1, 100, NULL},
	{CLI_SECONDS, 't', "timeout", CLI_AT(fetch_options, timeout),
		"DURATION", "wait no longer", 1, 86400, NULL},
	{CLI_CHOICE, 0, "colour", CLI_AT(fetch_options, colour), "COLOUR",
		"red or green", 0, 0, colours},
	{.type = CLI_END},
};

static const struct fetch_options fetch_default = {.lines = 10};

static const struct cli_example fetch_examples[] = {
	{"fetch -f desk-1", "everything that desk-1 has, and what comes"},
	{0},
};

static const struct cli_command fetch = {
	.name = "fetch",
	.args = "NAME...",
	.min_args = 1,
	.max_args = 2,
	.summary = "fetch something",
	.description = "First paragraph of it.\nSecond paragraph.",
	.options = fetch_table,
	.options_size = sizeof(struct fetch_options),
	.options_default = &fetch_default,
	.examples = fetch_examples,
};

static const struct cli_command cold_fetch = {
	.name = "cold fetch",
	.args = "",
	.summary = "fetch nothing",
};

static const struct cli_command cold_start = {
	.name = "cold start",
	.args = "",
	.summary = "start nothing",
};

static const struct cli_command *const commands[] = {
	&fetch, &cold_fetch, &cold_start, NULL};

/* Splits a line at its spaces and parses it. */
static int parse(char *line, struct invocation *inv, struct dr_err *err)
{
	static char *argv[MAX_ARGS + 1];
	char *word;
	int argc = 0;

	argv[argc++] = (char *)"deskrun-runner";
	while ((word = strsep(&line, " ")) && argc < MAX_ARGS)
		argv[argc++] = word;
	argv[argc] = NULL;
	return invocation_parse(inv, commands, argc, argv, err);
}

static void expect_parsed(char *line, struct invocation *inv)
{
	struct dr_err err = DR_ERR_INIT;

	if (parse(line, inv, &err) < 0)
		fail_msg("%s", err.msg);
}

static void expect_refused(const char *words, const char *expected)
{
	auto_free char *line = strdup(words);
	struct dr_err err = DR_ERR_INIT;
	struct invocation inv;

	assert_int_equal(parse(line, &inv, &err), -1);
	assert_int_equal(err.code, DR_USAGE);
	assert_string_equal(err.msg, expected);
	invocation_clear(&inv);
}

static void options_reach_the_struct_of_their_command(void **state)
{
	char line[] = "fetch -f a --file=/x -l one --label two -n 5 -t 15m "
		      "--colour green";
	const struct fetch_options *o;
	struct invocation inv;

	(void)state;
	expect_parsed(line, &inv);
	o = inv.options;
	assert_ptr_equal(inv.command, &fetch);
	assert_true(o->follow);
	assert_string_equal(o->file, "/x");
	assert_int_equal(strv_len(o->labels), 2);
	assert_string_equal(o->labels[1], "two");
	assert_int_equal(o->lines, 5);
	assert_int_equal(o->timeout, 900);
	assert_int_equal(o->colour, GREEN);
	assert_int_equal(inv.n_args, 1);
	assert_string_equal(inv.args[0], "a");
	assert_null(inv.args[1]);
	invocation_clear(&inv);
}

static void defaults_stay_where_nothing_is_given(void **state)
{
	char line[] = "fetch a b";
	const struct fetch_options *o;
	struct invocation inv;

	(void)state;
	expect_parsed(line, &inv);
	o = inv.options;
	assert_int_equal(o->lines, 10);
	assert_false(o->follow);
	assert_null(o->file);
	assert_int_equal(inv.n_args, 2);
	invocation_clear(&inv);
}

static void global_options_stand_before_and_after(void **state)
{
	char before[] = "-o json -q --config x.yaml fetch a";
	char after[] = "fetch a -ojson -v --config=x.yaml";
	struct invocation inv;

	(void)state;
	expect_parsed(before, &inv);
	assert_int_equal(inv.globals.output, CLI_JSON);
	assert_true(inv.globals.quiet);
	assert_string_equal(inv.globals.config_file, "x.yaml");
	invocation_clear(&inv);
	expect_parsed(after, &inv);
	assert_int_equal(inv.globals.output, CLI_JSON);
	assert_true(inv.globals.verbose);
	assert_string_equal(inv.globals.config_file, "x.yaml");
	invocation_clear(&inv);
}

static void two_dashes_end_the_options(void **state)
{
	char line[] = "fetch -- -f --colour";
	struct invocation inv;

	(void)state;
	expect_parsed(line, &inv);
	assert_int_equal(inv.n_args, 2);
	assert_string_equal(inv.args[0], "-f");
	invocation_clear(&inv);
}

static void names_of_two_words_are_found(void **state)
{
	char line[] = "cold start -q";
	struct invocation inv;

	(void)state;
	expect_parsed(line, &inv);
	assert_ptr_equal(inv.command, &cold_start);
	assert_true(inv.globals.quiet);
	assert_int_equal(inv.n_args, 0);
	invocation_clear(&inv);
}

static void no_command_is_no_mistake(void **state)
{
	char line[] = "--version";
	struct invocation inv;

	(void)state;
	expect_parsed(line, &inv);
	assert_null(inv.command);
	assert_true(inv.globals.version);
	invocation_clear(&inv);
}

static void help_needs_no_operands(void **state)
{
	char line[] = "fetch --help";
	struct invocation inv;

	(void)state;
	expect_parsed(line, &inv);
	assert_true(inv.globals.help);
	invocation_clear(&inv);
}

static void mistakes_name_what_was_meant(void **state)
{
	(void)state;
	expect_refused("fetch --folow a",
		"unknown option '--folow'; did you mean '--follow'? (see "
		"'deskrun-runner help fetch')");
	expect_refused("fetch --nothing-like-it=3 a",
		"unknown option '--nothing-like-it' (see 'deskrun-runner help "
		"fetch')");
	expect_refused("fetch -z a",
		"unknown option '-z' (see 'deskrun-runner help fetch')");
	expect_refused("--verison",
		"unknown option '--verison'; did you mean '--version'? (see "
		"'deskrun-runner help')");
	expect_refused("fecth",
		"unknown command 'fecth'; did you mean 'fetch'? (see "
		"'deskrun-runner help')");
	expect_refused("zzz",
		"unknown command 'zzz' (see 'deskrun-runner help')");
	expect_refused("cold",
		"'cold' needs one more word: fetch or start "
		"(see 'deskrun-runner help')");
	expect_refused("cold strat",
		"unknown command 'cold strat', expected "
		"fetch or start (see 'deskrun-runner "
		"help')");
}

static void wrong_arguments_name_what_is_expected(void **state)
{
	(void)state;
	expect_refused("fetch -n 0 a",
		"option '--lines': found '0', expected a number from 1 to 100 "
		"(see 'deskrun-runner help fetch')");
	expect_refused("fetch --lines=101 a",
		"option '--lines': found '101', expected a number from 1 to "
		"100 (see 'deskrun-runner help fetch')");
	expect_refused("fetch -n 99999999999999999999 a",
		"option '--lines': found '99999999999999999999', expected a "
		"number from 1 to 100 (see 'deskrun-runner help fetch')");
	expect_refused("fetch -t 2w a",
		"option '--timeout': found '2w', expected a duration such as "
		"90s, 15m or 2h, from 1s to 86400s (see 'deskrun-runner help "
		"fetch')");
	expect_refused("fetch --colour grene a",
		"option '--colour': found 'grene', expected red or green; did "
		"you mean 'green'? (see 'deskrun-runner help fetch')");
	expect_refused("fetch --file",
		"option '--file' needs an argument FILE (see 'deskrun-runner "
		"help fetch')");
	expect_refused("fetch --follow=yes a",
		"option '--follow' takes no argument (see 'deskrun-runner "
		"help fetch')");
}

static void operands_are_counted(void **state)
{
	(void)state;
	expect_refused("fetch",
		"an operand is missing: deskrun-runner fetch "
		"NAME... (see 'deskrun-runner help fetch')");
	expect_refused("fetch a b c",
		"unexpected operand 'c': deskrun-runner fetch NAME... (see "
		"'deskrun-runner help fetch')");
	expect_refused("cold start x",
		"unexpected operand 'x': deskrun-runner cold start (see "
		"'deskrun-runner help cold start')");
}

static char *help_text(const struct cli_command *command)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	if (command)
		help_command(command, f);
	else
		help_program(cli_commands, f);
	fclose(f);
	return text;
}

static void help_is_the_table(void **state)
{
	auto_free char *text = help_text(&fetch);
	static const char *const parts[] = {
		"Usage: deskrun-runner fetch [OPTION...] NAME...\n\n"
		"Fetch something.\n\n"
		"First paragraph of it.\n\nSecond paragraph.\n\n"
		"Options:\n"
		"  -f, --follow              go on as more comes\n"
		"      --file=FILE           write it there\n"
		"  -l, --label=LABEL         only what has this label; may be "
		"given more than\n"
		"                            once\n",
		"\nOptions of every command:\n  -o, --output=FORMAT       how",
		"\nExamples:\n  deskrun-runner fetch -f desk-1\n"
		"      everything that desk-1 has, and what comes\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(text, parts[i]))
			fail_msg("expected\n%s\nin\n%s", parts[i], text);
}

static void lines_fit(const char *what, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > 79)
			fail_msg("%s: %.*s", what, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void help_of_all_commands_fits_a_terminal(void **state)
{
	auto_free char *program = help_text(NULL);

	(void)state;
	lines_fit("help", program);
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		auto_free char *text = help_text(*c);

		lines_fit((*c)->name, text);
		assert_non_null(strstr(program, (*c)->summary));
	}
}

/* What the tables of the real commands have to fulfil */
static void tables_are_sound(void **state)
{
	(void)state;
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		const struct cli_option *o = (*c)->options;

		assert_non_null((*c)->run);
		assert_non_null((*c)->args);
		for (; o && o->type != CLI_END; o++) {
			bool with_arg = o->type != CLI_FLAG;

			assert_true(o->offset < (*c)->options_size);
			assert_int_equal(o->arg != NULL, with_arg);
			assert_int_equal(o->choices != NULL,
				o->type == CLI_CHOICE);
			for (const struct cli_option *g = cli_global_options;
				g->type != CLI_END; g++)
				assert_true(strcmp(o->name, g->name) != 0 &&
					(!o->letter || o->letter != g->letter));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_reach_the_struct_of_their_command),
		cmocka_unit_test(defaults_stay_where_nothing_is_given),
		cmocka_unit_test(global_options_stand_before_and_after),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(names_of_two_words_are_found),
		cmocka_unit_test(no_command_is_no_mistake),
		cmocka_unit_test(help_needs_no_operands),
		cmocka_unit_test(mistakes_name_what_was_meant),
		cmocka_unit_test(wrong_arguments_name_what_is_expected),
		cmocka_unit_test(operands_are_counted),
		cmocka_unit_test(help_is_the_table),
		cmocka_unit_test(help_of_all_commands_fits_a_terminal),
		cmocka_unit_test(tables_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
