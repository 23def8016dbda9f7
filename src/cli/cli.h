/*
 * The command line: a command is one const object, whose tables drive
 * getopt_long(3), --help, usage errors and the manual's check.
 *
 * Nothing here is kept after main() returns; strings are borrowed from argv.
 */
#ifndef DESKRUN_CLI_CLI_H
#define DESKRUN_CLI_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "util/err.h"

#define CLI_PROGRAM "deskrun-runner"

enum cli_option_type {
	CLI_END,     /* ends a table */
	CLI_FLAG,    /* bool: given or not */
	CLI_TEXT,    /* const char *: the last one given, or NULL */
	CLI_TEXTS,   /* char **: all given, a vector; freed by the framework */
	CLI_NUMBER,  /* int64_t from min to max */
	CLI_SECONDS, /* int64_t: "90", "90s", "15m", "2h" from min to max */
	CLI_CHOICE,  /* int: index of one of the choices */
};

struct cli_option {
	enum cli_option_type type;
	char letter; /* or 0 */
	const char *name;
	size_t offset;	 /* of the value in the command's struct of options */
	const char *arg; /* how help calls the argument: "FILE" */
	const char *help;
	int64_t min, max;
	const char *const *choices; /* ends with NULL */
};

/* Where a value goes: CLI_AT(struct stop_options, now) */
#define CLI_AT(type, member) offsetof(struct type, member)

struct cli_example {
	const char *command; /* without the program's name */
	const char *purpose;
};

enum cli_output {
	CLI_TABLE,
	CLI_JSON,
};

/* Options that every command takes, before or after its name */
struct cli_globals {
	int output; /* enum cli_output */
	bool quiet, verbose, help, version;
	const char *config_file; /* --config, or NULL */
};

/* One invocation of a command */
struct cli_call {
	const struct cli_command *command;
	const struct cli_globals *globals;
	/*
	 * The command's own struct: a copy of its defaults (or zeroes), with
	 * what was given written over it.
	 */
	void *options;
	char *const *args; /* operands, NULL-terminated */
	int n_args;
};

struct cli_command {
	const char *name;	 /* one word, or two: "config check" */
	const char *args;	 /* synopsis of the operands: "[RUNNER...]" */
	int min_args, max_args;	 /* operands; max_args -1 is any number */
	const char *summary;	 /* one line, lower case, no full stop */
	const char *description; /* paragraphs; wrapped by help */
	const struct cli_option *options; /* ends with CLI_END; or NULL */
	size_t options_size;
	const void *options_default;	    /* of options_size bytes; or NULL */
	const struct cli_example *examples; /* ends with {0}; or NULL */
	/* Results go to stdout; nobody prints the error but main(). */
	int (*run)(const struct cli_call *call, struct dr_err *err);
};

extern const struct cli_option cli_global_options[];

/* Exit statuses: what help and the manual list */
struct cli_status {
	enum dr_code code;
	const char *meaning;
};
extern const struct cli_status cli_statuses[]; /* ends with meaning NULL */

/* Set by SIGINT and SIGTERM, which interrupt blocking calls (EINTR). */
extern volatile sig_atomic_t cli_interrupted;

/* 0, or -1 with DR_INTERRUPTED once a signal came: for loops. */
int cli_check_interrupted(struct dr_err *err);

/*
 * config_load() with the file of --config. When several things are wrong, all
 * are listed on stderr and the error only counts them.
 */
int cli_load_config(const struct cli_call *call, struct config *config,
	struct dr_err *err);

#endif
