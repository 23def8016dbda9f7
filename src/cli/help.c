#include "cli/help.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WIDTH 79
#define OPTION_INDENT 28

/*
 * Prints words from column on, in lines of WIDTH whose beginnings are
 * indented. A line end in the text ends a paragraph.
 */
static void wrap(FILE *to, const char *text, int column, int indent)
{
	while (*text) {
		int len = (int)strcspn(text, " \n");
		bool paragraph = text[len] == '\n';

		if (column > indent && column + 1 + len > WIDTH) {
			fputc('\n', to);
			column = 0;
		}
		if (column < indent)
			column += fprintf(to, "%*s", indent - column, "");
		else if (column > indent)
			column += fprintf(to, " ");
		column += fprintf(to, "%.*s", len, text);
		text += len + (text[len] != '\0');
		if (paragraph) {
			fputs(*text ? "\n\n" : "", to);
			column = 0;
		}
	}
	fputc('\n', to);
}

static void print_option(const struct cli_option *o, FILE *to)
{
	int column;

	column = o->letter ? fprintf(to, "  -%c, ", o->letter)
			   : fprintf(to, "      ");
	column += fprintf(to, "--%s", o->name);
	if (o->arg)
		column += fprintf(to, "=%s", o->arg);
	if (column > OPTION_INDENT - 2) {
		fputc('\n', to);
		column = 0;
	}
	wrap(to, o->help, column, OPTION_INDENT);
}

static void print_options(const char *title, const struct cli_option *o,
	FILE *to)
{
	fprintf(to, "\n%s:\n", title);
	for (; o->type != CLI_END; o++)
		print_option(o, to);
}

static void print_examples(const struct cli_example *e, FILE *to)
{
	fprintf(to, "\nExamples:\n");
	for (; e->command; e++) {
		fprintf(to, "  %s %s\n", CLI_PROGRAM, e->command);
		wrap(to, e->purpose, 0, 6);
	}
}

void help_command(const struct cli_command *command, FILE *to)
{
	fprintf(to, "Usage: %s %s [OPTION...]%s%s\n\n", CLI_PROGRAM,
		command->name, *command->args ? " " : "", command->args);
	fprintf(to, "%c%s.\n", toupper((unsigned char)command->summary[0]),
		command->summary + 1);
	if (command->description) {
		fputc('\n', to);
		wrap(to, command->description, 0, 0);
	}
	if (command->options)
		print_options("Options", command->options, to);
	print_options("Options of every command", cli_global_options, to);
	if (command->examples)
		print_examples(command->examples, to);
}

void help_program(const struct cli_command *const *commands, FILE *to)
{
	const struct cli_status *status;

	fprintf(to,
		"Usage: %s [OPTION...] COMMAND [OPTION...] [OPERAND...]\n\n"
		"Runs GitHub Actions jobs on this machine, each in a world of "
		"its own.\n\nCommands:\n",
		CLI_PROGRAM);
	for (; *commands; commands++)
		fprintf(to, "  %-14s  %s\n", (*commands)->name,
			(*commands)->summary);
	print_options("Options of every command", cli_global_options, to);
	fprintf(to, "\nExit status:\n");
	for (status = cli_statuses; status->meaning; status++)
		fprintf(to, "  %3d  %s\n", (int)status->code, status->meaning);
	fprintf(to,
		"\n'%s help COMMAND' tells more of a command. Manuals:\n"
		"%s(1), deskrun.yaml(5).\n",
		CLI_PROGRAM, CLI_PROGRAM);
}
