/*
 * Child processes of the manager and of the supervisor's set-up.
 *
 * Children get the environment that is given and nothing else, closed
 * descriptors above 2, default signal dispositions and an empty mask (a
 * process started in the background of a shell inherits SIGINT ignored).
 */
#ifndef DESKRUN_UTIL_PROC_H
#define DESKRUN_UTIL_PROC_H

#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

struct proc_spec {
	const char *path;  /* absolute: PATH is not searched */
	char *const *argv; /* argv[0] included, NULL-terminated */
	char *const *envp; /* NULL-terminated; NULL is an empty environment */
	const char *cwd;   /* NULL: unchanged */
	int fds[3];	   /* for 0, 1, 2; -1 is /dev/null */
	int new_session;   /* setsid(2) */
	int death_signal;  /* PR_SET_PDEATHSIG, or 0 */
	/* Runs in the child just before execve(2), async-signal-safe; a
	 * negative return ends the child as a failed exec with errno. */
	int (*prepare)(void *arg);
	void *prepare_arg;
};

/*
 * Starts it. Returns when execve(2) has succeeded or is known to have failed:
 * then -1 with the reason. *pid is the child, to be waited for by the caller.
 */
int proc_spawn(const struct proc_spec *spec, pid_t *pid, struct dr_err *err);

/*
 * Runs it to its end with stdout and stderr collected in out (bounded: what
 * exceeds it is read and dropped). Blocks, at most timeout_ms (then SIGKILL
 * and DR_TIMEOUT). *status is as in waitpid(2).
 */
int proc_run(const struct proc_spec *spec, int timeout_ms, struct dr_buf *out,
	int *status, struct dr_err *err);

/*
 * Default dispositions and an empty mask, for all 64 signals: two of them
 * belong to the C library, which hides them, and leaves them ignored in what
 * posix_spawn(3) starts. Between fork(2) and execve(2), as a rule.
 */
void proc_reset_signals(void);

/* The first of dirs in PATH (or a fixed default) that has an executable of
 * this name, as an absolute path to be freed; NULL when there is none. */
char *proc_find(const char *name);

/* From the process's own environment, the variables of a NULL-terminated
 * list of allowed names; a new vector, or NULL without memory. */
char **proc_env_allowed(const char *const *names);

#endif
