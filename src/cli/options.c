#include "cli/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lookup.h"
#include "util/cleanup.h"
#include "util/nearest.h"
#include "util/strv.h"

/* Of one command, the global ones included */
#define MAX_OPTIONS 64

/* Values of getopt_long(3) that are no letters: an index and this */
#define FIRST_VALUE 256

/* Both tables in the form of getopt_long(3) */
struct getopt_tables {
	const struct cli_option *options[MAX_OPTIONS];
	void *bases[MAX_OPTIONS]; /* the struct that each one writes to */
	struct option longs[MAX_OPTIONS + 1];
	char letters[2 * MAX_OPTIONS + 3];
	int n;
};

/* Adds where to read about it. */
static int usage(const struct cli_command *command, struct dr_err *err,
	const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int usage(const struct cli_command *command, struct dr_err *err,
	const char *fmt, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return dr_err_set(err, DR_USAGE, "%s (see '%s help%s%s')", text,
		CLI_PROGRAM, command ? " " : "", command ? command->name : "");
}

static void add_table(struct getopt_tables *g, const struct cli_option *options,
	void *base)
{
	size_t len = strlen(g->letters);

	for (; options && options->type != CLI_END; options++) {
		bool flag = options->type == CLI_FLAG;

		if (g->n == MAX_OPTIONS)
			return;
		g->options[g->n] = options;
		g->bases[g->n] = base;
		g->longs[g->n] = (struct option){
			.name = options->name,
			.has_arg = flag ? no_argument : required_argument,
			.val = FIRST_VALUE + g->n,
		};
		g->n++;
		if (options->letter) {
			g->letters[len++] = options->letter;
			if (!flag)
				g->letters[len++] = ':';
		}
	}
	g->letters[len] = '\0';
}

/* The index for a value of getopt_long(3), or -1. */
static int find_option(const struct getopt_tables *g, int value)
{
	if (value >= FIRST_VALUE)
		return value - FIRST_VALUE;
	for (int i = 0; i < g->n; i++)
		if (g->options[i]->letter && g->options[i]->letter == value)
			return i;
	return -1;
}

/* Single types: 0, or -1 when the argument is none of that type */

static int parse_int(const char *text, int64_t *out, const char **rest)
{
	int64_t value = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (value > (INT64_MAX - 9) / 10)
			return -1;
		value = value * 10 + (*text - '0');
	}
	*out = value;
	*rest = text;
	return 0;
}

static int set_number(const struct cli_option *o, const char *arg, void *at)
{
	const char *rest;
	int64_t value;

	if (parse_int(arg, &value, &rest) < 0 || *rest || value < o->min ||
		value > o->max)
		return -1;
	*(int64_t *)at = value;
	return 0;
}

static int set_seconds(const struct cli_option *o, const char *arg, void *at)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	const char *rest;
	int64_t value;

	if (parse_int(arg, &value, &rest) < 0 || value > INT32_MAX)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(rest, units[i].unit) != 0)
			continue;
		value *= units[i].seconds;
		if (value < o->min || value > o->max)
			return -1;
		*(int64_t *)at = value;
		return 0;
	}
	return -1;
}

static int set_choice(const struct cli_option *o, const char *arg, void *at)
{
	for (int i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], arg) == 0) {
			*(int *)at = i;
			return 0;
		}
	}
	return -1;
}

static int set_flag(const struct cli_option *o, const char *arg, void *at)
{
	(void)o, (void)arg;
	*(bool *)at = true;
	return 0;
}

static int set_text(const struct cli_option *o, const char *arg, void *at)
{
	(void)o;
	*(const char **)at = arg;
	return 0;
}

static int set_texts(const struct cli_option *o, const char *arg, void *at)
{
	(void)o;
	return strv_add(at, arg);
}

static int (*const setters[])(const struct cli_option *, const char *,
	void *) = {
	[CLI_FLAG] = set_flag,
	[CLI_TEXT] = set_text,
	[CLI_TEXTS] = set_texts,
	[CLI_NUMBER] = set_number,
	[CLI_SECONDS] = set_seconds,
	[CLI_CHOICE] = set_choice,
};

static void expected(const struct cli_option *o, const char *arg, char *out,
	size_t size)
{
	struct nearest nearest;
	size_t len = 0;

	if (o->type == CLI_NUMBER) {
		snprintf(out, size, "a number from %lld to %lld",
			(long long)o->min, (long long)o->max);
		return;
	}
	if (o->type == CLI_SECONDS) {
		snprintf(out, size,
			"a duration such as 90s, 15m or 2h, from %llds to "
			"%llds",
			(long long)o->min, (long long)o->max);
		return;
	}
	out[0] = '\0';
	nearest_init(&nearest, arg);
	for (int i = 0; o->choices && o->choices[i] && len < size; i++) {
		nearest_offer(&nearest, o->choices[i]);
		len += (size_t)snprintf(out + len, size - len, "%s%s",
			i ? " or " : "", o->choices[i]);
	}
	if (nearest.found && len < size)
		snprintf(out + len, size - len, "; did you mean '%s'?",
			nearest.found);
}

static int set(const struct getopt_tables *g, int value,
	const struct cli_command *command, struct dr_err *err)
{
	int i = find_option(g, value);
	const struct cli_option *o = g->options[i];
	char want[256];

	if (setters[o->type](o, optarg, (char *)g->bases[i] + o->offset) == 0)
		return 0;
	if (o->type == CLI_TEXTS)
		return dr_err_oom(err);
	expected(o, optarg, want, sizeof(want));
	return usage(command, err, "option '--%s': found '%.64s', expected %s",
		o->name, optarg, want);
}

/* What getopt_long(3) did not know; a long one is argv[optind - 1]. */
static int unknown(const struct getopt_tables *g, char **argv,
	const struct cli_command *command, struct dr_err *err)
{
	const char *given = argv[optind - 1];
	struct nearest nearest;
	char name[64];
	int i = optopt ? find_option(g, optopt) : -1;

	if (i >= 0)
		return usage(command, err, "option '--%s' takes no argument",
			g->options[i]->name);
	if (optopt)
		return usage(command, err, "unknown option '-%c'", optopt);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(given + 2, "="),
		given + 2);
	nearest_init(&nearest, name);
	for (i = 0; i < g->n; i++)
		nearest_offer(&nearest, g->options[i]->name);
	if (nearest.found)
		return usage(command, err,
			"unknown option '--%s'; did you mean '--%s'?", name,
			nearest.found);
	return usage(command, err, "unknown option '--%s'", name);
}

/* Leaves optind at the first operand. */
static int run_getopt(const struct getopt_tables *g, int argc, char **argv,
	const struct cli_command *command, struct dr_err *err)
{
	int value, i;

	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while ((value = getopt_long(argc, argv, g->letters, g->longs, NULL)) !=
		-1) {
		if (value == '?')
			return unknown(g, argv, command, err);
		if (value == ':') {
			i = find_option(g, optopt);
			return usage(command, err,
				"option '--%s' needs an argument %s",
				g->options[i]->name, g->options[i]->arg);
		}
		if (set(g, value, command, err) < 0)
			return -1;
	}
	return 0;
}

static int check_args(const struct invocation *inv, struct dr_err *err)
{
	const struct cli_command *c = inv->command;

	if (inv->globals.help)
		return 0;
	if (inv->n_args < c->min_args)
		return usage(c, err, "an operand is missing: %s %s %s",
			CLI_PROGRAM, c->name, c->args);
	if (c->max_args >= 0 && inv->n_args > c->max_args)
		return usage(c, err, "unexpected operand '%.64s': %s %s%s%s",
			inv->args[c->max_args], CLI_PROGRAM, c->name,
			*c->args ? " " : "", c->args);
	return 0;
}

static int alloc_options(struct invocation *inv, struct dr_err *err)
{
	const struct cli_command *c = inv->command;

	inv->options = calloc(1, c->options_size ? c->options_size : 1);
	if (!inv->options)
		return dr_err_oom(err);
	if (c->options_default)
		memcpy(inv->options, c->options_default, c->options_size);
	return 0;
}

/* argv[0] is the last word of the command's name. */
static int parse_command(struct invocation *inv, int argc, char **argv,
	struct dr_err *err)
{
	struct getopt_tables g = {.letters = ":"};

	if (alloc_options(inv, err) < 0)
		return -1;
	add_table(&g, inv->command->options, inv->options);
	add_table(&g, cli_global_options, &inv->globals);
	if (run_getopt(&g, argc, argv, inv->command, err) < 0)
		return -1;
	inv->args = argv + optind;
	inv->n_args = argc - optind;
	return check_args(inv, err);
}

int invocation_parse(struct invocation *inv,
	const struct cli_command *const *commands, int argc, char **argv,
	struct dr_err *err)
{
	/* "+": stop at the first operand, which is the command */
	struct getopt_tables g = {.letters = "+:"};
	int words;

	*inv = (struct invocation){0};
	add_table(&g, cli_global_options, &inv->globals);
	if (run_getopt(&g, argc, argv, NULL, err) < 0)
		return -1;
	argc -= optind;
	argv += optind;
	if (argc == 0)
		return 0;
	inv->command = lookup_command(commands, argv, &words, err);
	if (!inv->command)
		return -1;
	return parse_command(inv, argc - words + 1, argv + words - 1, err);
}

void invocation_clear(struct invocation *inv)
{
	const struct cli_option *o = inv->command ? inv->command->options
						  : NULL;

	for (; inv->options && o && o->type != CLI_END; o++)
		if (o->type == CLI_TEXTS)
			strv_free(*(char ***)((char *)inv->options +
				o->offset));
	free(inv->options);
	*inv = (struct invocation){0};
}
