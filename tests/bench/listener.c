/*
 * A Listener that runs one Worker after the other, as the official one starts
 * them, and notes what it sees.
 *
 *   BENCH_COUNT    how many
 *   BENCH_RESULTS  file: a line a Worker, "began hook gone" in nanoseconds:
 *                  from its start to its main(), the hook, and from its end
 *                  to the answer of what was started
 *   BENCH_MAKE_DIR remade before each Worker; or unset
 *
 * "listener run" starts bin/Runner.Worker of its root. "listener peer WORKER"
 * instead runs WORKER as process 1 of a PID namespace, kills that, and notes
 * how long it took to be gone: what the kernel asks for the same at least.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static pid_t start_worker(int in, int out)
{
	char in_text[16], out_text[16];
	pid_t pid;

	snprintf(in_text, sizeof(in_text), "%d", in);
	snprintf(out_text, sizeof(out_text), "%d", out);
	pid = vfork();
	if (pid == 0) {
		execl("bin/Runner.Worker", "Runner.Worker", "spawnclient",
			in_text, out_text, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static pid_t start_peer(const char *worker, int out)
{
	char out_text[16];
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL,
		NULL, NULL, NULL);

	if (pid == 0) {
		snprintf(out_text, sizeof(out_text), "%d", out);
		execl(worker, worker, "peer", out_text, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void one(const char *peer, FILE *results)
{
	struct bench_report report;
	int in[2], out[2], status;
	uint64_t before, from, gone;
	pid_t pid;

	if (pipe(in) < 0 || pipe(out) < 0)
		die("pipe");
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	fcntl(out[0], F_SETFD, FD_CLOEXEC);
	before = bench_now();
	pid = peer ? start_peer(peer, out[1]) : start_worker(in[0], out[1]);
	if (pid < 0)
		die("start");
	close(in[0]);
	close(out[1]);
	if (read(out[0], &report, sizeof(report)) != (ssize_t)sizeof(report)) {
		waitpid(pid, &status, 0);
		fprintf(stderr, "worker ended early: status %x\n", status);
		exit(1);
	}
	from = report.ended;
	if (peer) {
		from = bench_now();
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	gone = bench_now() - from;
	if (!peer && (!WIFEXITED(status) || WEXITSTATUS(status) != 100)) {
		fprintf(stderr, "worker: status %x\n", status);
		exit(1);
	}
	fprintf(results, "%llu %llu %llu\n",
		(unsigned long long)(report.began - before),
		(unsigned long long)report.hook, (unsigned long long)gone);
	close(in[1]);
	close(out[0]);
}

static void remake(const char *dir)
{
	char command[4200];

	snprintf(command, sizeof(command), "rm -rf '%s' && mkdir -p '%s'", dir,
		dir);
	if (system(command) != 0)
		exit(1);
}

static volatile sig_atomic_t told;

static void on_signal(int sig)
{
	(void)sig;
	told = 1;
}

int main(int argc, char **argv)
{
	const char *count = getenv("BENCH_COUNT");
	const char *path = getenv("BENCH_RESULTS");
	const char *dir = getenv("BENCH_MAKE_DIR");
	const char *peer = argc == 3 && strcmp(argv[1], "peer") == 0 ? argv[2]
								     : NULL;
	struct sigaction stop = {.sa_handler = on_signal};
	char tmp[4096];
	FILE *results;
	sigset_t term, before;

	if (!count || !path)
		return 2;
	snprintf(tmp, sizeof(tmp), "%s.part", path);
	results = fopen(tmp, "we");
	if (!results)
		die(tmp);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	puts("Listening for Jobs");
	fflush(stdout);
	for (long i = 0; i < atol(count) && !told; i++) {
		if (dir)
			remake(dir);
		one(peer, results);
	}
	fclose(results);
	/* complete at once, for whoever waits for it */
	if (rename(tmp, path) < 0)
		die("rename");
	if (peer)
		return 0;
	/* a Listener stays until it is told to end */
	sigemptyset(&term);
	sigaddset(&term, SIGINT);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	while (!told)
		sigsuspend(&before);
	return 0;
}
