#include "cli/lookup.h"

#include <stdio.h>
#include <string.h>

#include "util/nearest.h"

/* How many of the words are the command's name; 0: they are not. */
static int matches(const struct cli_command *command, char *const *words)
{
	const char *space = strchr(command->name, ' ');

	if (!space)
		return strcmp(command->name, words[0]) == 0 ? 1 : 0;
	if (lookup_in_group(command, words[0]) && words[1] &&
		strcmp(space + 1, words[1]) == 0)
		return 2;
	return 0;
}

bool lookup_in_group(const struct cli_command *command, const char *group)
{
	const char *space = strchr(command->name, ' ');
	size_t len = strlen(group);

	return space && (size_t)(space - command->name) == len &&
		strncmp(command->name, group, len) == 0;
}

/* "config" alone, or with a second word that is none of its own. */
static int unknown_in_group(const struct cli_command *const *commands,
	char *const *words, struct dr_err *err)
{
	char known[128] = "";
	size_t len = 0;

	for (; *commands; commands++) {
		if (!lookup_in_group(*commands, words[0]))
			continue;
		len += (size_t)snprintf(known + len, sizeof(known) - len,
			"%s%s", len ? " or " : "",
			strchr((*commands)->name, ' ') + 1);
		if (len >= sizeof(known))
			break;
	}
	if (words[1])
		return dr_err_set(err, DR_USAGE,
			"unknown command '%s %.64s', expected %s (see '%s "
			"help')",
			words[0], words[1], known, CLI_PROGRAM);
	return dr_err_set(err, DR_USAGE,
		"'%s' needs one more word: %s (see '%s help')", words[0], known,
		CLI_PROGRAM);
}

static int unknown(const struct cli_command *const *commands,
	char *const *words, struct dr_err *err)
{
	struct nearest nearest;

	nearest_init(&nearest, words[0]);
	for (; *commands; commands++)
		nearest_offer(&nearest, (*commands)->name);
	return dr_err_set(err, DR_USAGE,
		"unknown command '%.64s'%s%s%s (see '%s help')", words[0],
		nearest.found ? "; did you mean '" : "",
		nearest.found ? nearest.found : "", nearest.found ? "'?" : "",
		CLI_PROGRAM);
}

const struct cli_command *lookup_command(
	const struct cli_command *const *commands, char *const *words,
	int *n_words, struct dr_err *err)
{
	bool group = false;

	for (const struct cli_command *const *c = commands; *c; c++) {
		*n_words = matches(*c, words);
		if (*n_words > 0)
			return *c;
		group |= lookup_in_group(*c, words[0]);
	}
	if (group)
		unknown_in_group(commands, words, err);
	else
		unknown(commands, words, err);
	return NULL;
}
