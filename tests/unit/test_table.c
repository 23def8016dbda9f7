/* cli/table: columns for people, JSON with the same keys. */
#include "unit.h"

#include "cli/table.h"
#include "util/cleanup.h"
#include "util/strv.h"

static const struct table_column columns[] = {
	{"name", "NAME"},
	{"id", "ID"},
	{"busy", "BUSY"},
	{"labels", "LABELS"},
	{"at", NULL},
};

static char *printed(const struct table *t, enum cli_output output)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	struct dr_err err = DR_ERR_INIT;

	assert_non_null(f);
	assert_int_equal(table_print(t, output, f, &err), 0);
	fclose(f);
	return text;
}

static void row(struct table *t, const char *name, int64_t id, char **labels)
{
	table_text(t, name);
	table_number(t, id);
	table_flag(t, id > 10);
	table_list(t, labels);
	table_text(t, NULL);
}

static void expect(const struct table *t, enum cli_output output,
	const char *expected)
{
	auto_free char *text = printed(t, output);

	assert_string_equal(text, expected);
}

static void columns_are_aligned(void **state)
{
	char *labels[] = {(char *)"deskrun", (char *)"nix", NULL};
	auto_table struct table t;

	(void)state;
	table_init(&t, columns, ARRAY_SIZE(columns));
	row(&t, "a-long-name", 7, labels);
	row(&t, "b", 12345, NULL);
	row(&t, NULL, 0, NULL);
	expect(&t, CLI_TABLE,
		"NAME         ID     BUSY  LABELS\n"
		"a-long-name      7  no    deskrun,nix\n"
		"b            12345  yes   -\n"
		"-                0  no    -\n");
}

static void json_has_the_same_keys(void **state)
{
	char *labels[] = {(char *)"deskrun", (char *)"nix", NULL};
	auto_table struct table t;

	(void)state;
	table_init(&t, columns, ARRAY_SIZE(columns));
	row(&t, "a \"b\"\n", 7, labels);
	row(&t, NULL, 12, NULL);
	expect(&t, CLI_JSON,
		"[{\"name\":\"a \\\"b\\\"\\n\",\"id\":7,\"busy\":false,"
		"\"labels\":[\"deskrun\",\"nix\"],\"at\":null},"
		"{\"name\":null,\"id\":12,\"busy\":true,\"labels\":[],"
		"\"at\":null}]\n");
}

static void empty_table_is_its_header_or_no_rows(void **state)
{
	auto_table struct table t;

	(void)state;
	table_init(&t, columns, ARRAY_SIZE(columns));
	expect(&t, CLI_TABLE, "NAME  ID  BUSY  LABELS\n");
	expect(&t, CLI_JSON, "[]\n");
}

static void people_can_be_shown_something_else(void **state)
{
	static const struct table_column two[] = {
		{"since_ms", "SINCE"}, {"name", "NAME"}};
	auto_table struct table t;

	(void)state;
	table_init(&t, two, ARRAY_SIZE(two));
	table_number(&t, 123456);
	table_show_as(&t, "2 min ago");
	table_text(&t, "x");
	expect(&t, CLI_TABLE, "SINCE      NAME\n2 min ago  x\n");
	expect(&t, CLI_JSON, "[{\"since_ms\":123456,\"name\":\"x\"}]\n");
}

static void what_steers_a_terminal_is_not_printed(void **state)
{
	static const struct table_column two[] = {{"name", "NAME"}, {"b", "B"}};
	auto_table struct table t;

	(void)state;
	table_init(&t, two, ARRAY_SIZE(two));
	table_text(&t, "a\033[2J\x7f\n");
	table_text(&t, "x");
	table_text(&t, "\xc2\x9b\xe2\x80\xae\xff");
	table_text(&t, "x");
	expect(&t, CLI_TABLE,
		"NAME     B\n"
		"a?[2J??  x\n"
		"???      x\n");
}

static void width_counts_characters(void **state)
{
	static const struct table_column two[] = {{"name", "NAME"}, {"b", "B"}};
	auto_table struct table t;

	(void)state;
	table_init(&t, two, ARRAY_SIZE(two));
	table_text(&t, "Z\xc3\xbcrich");
	table_text(&t, "x");
	table_text(&t, "\xe6\x97\xa5\xe6\x9c\xac");
	table_text(&t, "x");
	table_text(&t, "e\xcc\x81t\xc3\xa9");
	table_text(&t, "x");
	expect(&t, CLI_TABLE,
		"NAME    B\n"
		"Z\xc3\xbcrich  x\n"
		"\xe6\x97\xa5\xe6\x9c\xac    x\n"
		"e\xcc\x81t\xc3\xa9     x\n");
}

static void rubbish_still_makes_json(void **state)
{
	static const struct table_column one[] = {{"name", "NAME"}};
	auto_table struct table t;

	(void)state;
	table_init(&t, one, ARRAY_SIZE(one));
	table_text(&t, "a\xff\xfe");
	expect(&t, CLI_JSON, "[{\"name\":\"a??\"}]\n");
}

static void many_rows_are_kept(void **state)
{
	static const struct table_column one[] = {{"n", "N"}};
	auto_table struct table t;
	auto_free char *text = NULL;

	(void)state;
	table_init(&t, one, ARRAY_SIZE(one));
	for (int i = 1; i <= 1000; i++)
		table_number(&t, i);
	text = printed(&t, CLI_TABLE);
	assert_non_null(strstr(text, "\n  65\n"));
	assert_non_null(strstr(text, "\n1000\n"));
}

static void full_disk_is_an_error(void **state)
{
	static const struct table_column one[] = {{"n", "N"}};
	auto_table struct table t;
	auto_fclose FILE *f = fopen("/dev/full", "w");
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	table_init(&t, one, ARRAY_SIZE(one));
	assert_int_equal(table_print(&t, CLI_TABLE, f, &err), -1);
	assert_int_equal(err.code, DR_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(json_has_the_same_keys),
		cmocka_unit_test(empty_table_is_its_header_or_no_rows),
		cmocka_unit_test(people_can_be_shown_something_else),
		cmocka_unit_test(what_steers_a_terminal_is_not_printed),
		cmocka_unit_test(width_counts_characters),
		cmocka_unit_test(rubbish_still_makes_json),
		cmocka_unit_test(many_rows_are_kept),
		cmocka_unit_test(full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
