/* deskrun-runner: maps errors to exit statuses, and nothing else does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"
#include "util/log.h"

static void on_signal(int sig)
{
	(void)sig;
	cli_interrupted = 1;
}

/*
 * The token is in our memory: it belongs into no core file, and other
 * processes of the user are not to read it by ptrace(2) or /proc. Not by
 * RLIMIT_CORE, which supervisors and so jobs would inherit.
 */
static void guard_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* A file that is opened must not become the standard output. */
static void guard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void set_signals(void)
{
	/* without SA_RESTART: what blocks is to end */
	struct sigaction stop = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	/* a closed socket or pipe is an error of write(2) */
	sigaction(SIGPIPE, &ignore, NULL);
}

static int run(const struct invocation *inv, struct dr_err *err)
{
	const struct cli_command *command = inv->command;
	struct cli_call call = {
		.globals = &inv->globals,
		.options = inv->options,
		.args = inv->args,
		.n_args = inv->n_args,
	};

	if (inv->globals.version) {
		command = &cmd_version;
		call.n_args = 0;
	} else if (!command) {
		help_program(cli_commands, stdout);
		return 0;
	} else if (inv->globals.help) {
		help_command(command, stdout);
		return 0;
	}
	call.command = command;
	return command->run(&call, err);
}

static int flush(struct dr_err *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return dr_err_errno(err, DR_FAILED, "write the standard output");
}

int main(int argc, char **argv)
{
	struct dr_err err = DR_ERR_INIT;
	struct invocation inv;
	int rc;

	guard_memory();
	guard_descriptors();
	set_signals();
	log_init(CLI_PROGRAM, LOG_NORMAL);
	rc = invocation_parse(&inv, cli_commands, argc, argv, &err);
	if (rc == 0) {
		if (inv.globals.quiet)
			log_init(CLI_PROGRAM, LOG_QUIET);
		if (inv.globals.verbose)
			log_init(CLI_PROGRAM, LOG_VERBOSE);
		rc = run(&inv, &err);
	}
	if (rc == 0)
		rc = flush(&err);
	invocation_clear(&inv);
	if (rc == 0)
		return DR_OK;
	log_error("%s", err.msg);
	return err.code == DR_OK ? DR_FAILED : (int)err.code;
}
