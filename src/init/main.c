/*
 * deskrun-init: PID 1 of a runner, and what jobs and the Listener call by
 * other names.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <string.h>

#include "init/ground.h"
#include "init/init.h"
#include "util/cleanup.h"

static int probe_main(int argc, char **argv)
{
	const char *slots = NULL, *scratch = NULL;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--slots") == 0)
			slots = argv[i + 1];
		else if (strcmp(argv[i], "--scratch") == 0)
			scratch = argv[i + 1];
	}
	if (argc == 5 && slots && scratch)
		return probe_run(slots, scratch);
	fprintf(stderr,
		"usage: deskrun-init probe --slots DIR "
		"--scratch DIR\n");
	return 2;
}

static int version_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("deskrun-init " PACKAGE_VERSION);
	return 0;
}

static int help_main(int argc, char **argv);

static const struct {
	const char *name, *args, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"supervise", "--slot DIR [--ready-fd N] [--events-to-stdout]",
		"run a slot: its Listener, its jobs' worlds, their wipes",
		supervise_main},
	{"hook", "started|completed",
		"what the runner calls before and after a job's steps",
		hook_main},
	{"install", "DIR", "write the layers that runners and worlds have",
		install_main},
	{"probe", "--slots DIR --scratch DIR",
		"try out whether worlds can be had here", probe_main},
	{"version", "", "print the version", version_main},
	{"help", "", "print this", help_main},
};

static int help_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("usage: deskrun-init COMMAND ...\n\n"
	     "The in-container supervisor of deskrun-runner, which starts "
	     "it.\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %s %s\n      %s\n", commands[i].name,
			commands[i].args, commands[i].summary);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (argc > 0 && strcmp(base_name(argv[0]), "Runner.Worker") == 0)
		return shim_main(argv);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0)
		name = "version";
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "deskrun-init: unknown command \"%s\"\n", name);
	fprintf(stderr,
		"usage: deskrun-init COMMAND ...; see deskrun-init "
		"--help\n");
	return 2;
}
