#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/strv.h"

void proc_reset_signals(void)
{
	/* the kernel's struct sigaction, all zero: SIG_DFL */
	static const uint64_t dfl[4], none;

	for (int sig = 1; sig <= 64; sig++)
		syscall(SYS_rt_sigaction, sig, dfl, NULL, sizeof(none));
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

/*
 * Puts the three descriptors in place. They are first moved above 2, so that
 * an order like {1, 0, 2} does not overwrite one before it is used.
 */
static int place_fds(const int fds[3])
{
	int moved[3];

	for (int i = 0; i < 3; i++) {
		int fd = fds[i] >= 0 ? fds[i]
				     : open("/dev/null", O_RDWR | O_CLOEXEC);

		moved[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (moved[i] < 0)
			return -1;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(moved[i], i) < 0)
			return -1;
	return 0;
}

static _Noreturn void child(const struct proc_spec *spec, int report)
{
	static char *const none[] = {NULL};
	int reason;

	proc_reset_signals();
	if (spec->death_signal &&
		prctl(PR_SET_PDEATHSIG, spec->death_signal, 0, 0, 0) < 0)
		goto fail;
	if (spec->new_session && setsid() < 0)
		goto fail;
	if (spec->cwd && chdir(spec->cwd) < 0)
		goto fail;
	if (place_fds(spec->fds) < 0)
		goto fail;
	/* All but the report are closed on exec, whoever opened them. */
	if (syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) <
		0) {
		for (int fd = 3; fd < 1024; fd++)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	if (spec->prepare && spec->prepare(spec->prepare_arg) < 0)
		goto fail;
	execve(spec->path, spec->argv, spec->envp ? spec->envp : none);
fail:
	reason = errno;
	if (write(report, &reason, sizeof(reason)) < 0)
		_exit(126);
	_exit(127);
}

int proc_spawn(const struct proc_spec *spec, pid_t *pid, struct dr_err *err)
{
	int report[2], reason = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC) < 0)
		return dr_err_errno(err, DR_FAILED, "pipe");
	*pid = fork();
	if (*pid < 0) {
		dr_err_errno(err, DR_FAILED, "fork for %s", spec->path);
		close(report[0]);
		close(report[1]);
		return -1;
	}
	if (*pid == 0)
		child(spec, report[1]);
	close(report[1]);
	n = fs_read_full(report[0], &reason, sizeof(reason));
	close(report[0]);
	if (n == (ssize_t)sizeof(reason)) {
		waitpid(*pid, NULL, 0);
		*pid = -1;
		errno = reason;
		return dr_err_errno(err, DR_FAILED, "execute %s", spec->path);
	}
	return 0;
}

/* Reads what comes until the end or the deadline; 1 when time ran out. */
static int collect(int fd, uint64_t deadline, struct dr_buf *out)
{
	char chunk[4096];

	for (;;) {
		uint64_t now = clock_mono_ns();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;
		int rc;

		if (now >= deadline)
			return 1;
		rc = poll(&p, 1, (int)((deadline - now) / 1000000u) + 1);
		if (rc <= 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			return 0;
		if (n > 0 && out && !out->failed)
			dr_buf_add(out, chunk, (size_t)n);
	}
}

int proc_run(const struct proc_spec *spec, int timeout_ms, struct dr_buf *out,
	int *status, struct dr_err *err)
{
	struct proc_spec piped = *spec;
	uint64_t deadline = clock_mono_ns() + (uint64_t)timeout_ms * 1000000u;
	auto_close int from = -1;
	int fds[2], late;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return dr_err_errno(err, DR_FAILED, "pipe");
	from = fds[0];
	piped.fds[1] = piped.fds[2] = fds[1];
	if (proc_spawn(&piped, &pid, err) < 0) {
		close(fds[1]);
		return -1;
	}
	close(fds[1]);
	late = collect(from, deadline, out);
	if (late)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	if (late)
		return dr_err_set(err, DR_TIMEOUT, "%s: no end after %d s",
			spec->path, timeout_ms / 1000);
	return 0;
}

char *proc_find(const char *name)
{
	const char *path = getenv("PATH");
	auto_free char *dirs = strdup(path && *path
			? path
			: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
			  "/sbin:/bin");
	char *rest = dirs, *dir, *candidate;

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? strdup(name) : NULL;
	while (dirs && (dir = strsep(&rest, ":"))) {
		if (*dir != '/')
			continue;
		if (asprintf(&candidate, "%s/%s", dir, name) < 0)
			return NULL;
		if (access(candidate, X_OK) == 0)
			return candidate;
		free(candidate);
	}
	return NULL;
}

char **proc_env_allowed(const char *const *names)
{
	char **out = strv_dup(NULL);

	for (; out && *names; names++) {
		const char *value = getenv(*names);

		if (value && strv_addf(&out, "%s=%s", *names, value) < 0) {
			strv_free(out);
			return NULL;
		}
	}
	return out;
}
