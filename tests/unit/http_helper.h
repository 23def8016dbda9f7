/* http_helper.py for the length of a test program. */
#ifndef DESKRUN_TESTS_HTTP_HELPER_H
#define DESKRUN_TESTS_HTTP_HELPER_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static struct {
	pid_t pid;
	int stdin_fd; /* it ends when this is closed */
	int port, other_port;
	int tls_port; /* 0 unless a directory was given */
} helper;

static int helper_read(int fd)
{
	FILE *f = fdopen(fd, "r");
	char line[64];
	char *got = f ? fgets(line, sizeof(line), f) : NULL;

	if (f)
		fclose(f);
	return got &&
			sscanf(line, "%d %d %d", &helper.port,
				&helper.other_port, &helper.tls_port) >= 2
		? 0
		: -1;
}

/* tls_dir NULL: plain http alone. */
static inline int helper_start(const char *tls_dir)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -1;
	helper.pid = fork();
	if (helper.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/usr/bin/python3", "python3", UNIT_DIR "/http_helper.py",
			tls_dir ? "--tls" : NULL, tls_dir, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	helper.stdin_fd = in[1];
	return helper_read(out[0]);
}

static inline void helper_stop(void)
{
	close(helper.stdin_fd);
	waitpid(helper.pid, NULL, 0);
}

#endif
