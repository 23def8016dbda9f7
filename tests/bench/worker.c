/*
 * A Worker that dirties its world as its environment says, and ends.
 *
 *   BENCH_FILES      files of 100 bytes, 1,000 a directory, below BENCH_DIR
 *   BENCH_PROCESSES  processes that do nothing
 *   BENCH_MEMORY     bytes that one more process keeps resident
 *   BENCH_HOOK       path of a program, run with "hook completed"
 *
 * "worker spawnclient IN OUT" reports on OUT. "worker peer OUT" does the same
 * without the hook, says so, and waits to be killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static long number(const char *name)
{
	const char *value = getenv(name);

	return value ? atol(value) : 0;
}

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void make_files(long n)
{
	const char *dir = getenv("BENCH_DIR");
	char path[4096], content[100];

	memset(content, 'x', sizeof(content));
	for (long i = 0; i < n; i++) {
		int fd;

		if (i % 1000 == 0) {
			snprintf(path, sizeof(path), "%s/%ld", dir, i / 1000);
			if (mkdir(path, 0755) < 0)
				die(path);
		}
		snprintf(path, sizeof(path), "%s/%ld/%ld", dir, i / 1000, i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || write(fd, content, sizeof(content)) < 0)
			die(path);
		close(fd);
	}
}

/* Every child tells by one byte that it is there. */
static void make_processes(long n, long memory)
{
	int ready[2];
	char byte;
	long all = n + (memory > 0);

	if (pipe(ready) < 0)
		die("pipe");
	for (long i = 0; i < all; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid > 0)
			continue;
		if (i == n) {
			char *p = mmap(NULL, (size_t)memory,
				PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p == MAP_FAILED)
				die("mmap");
			memset(p, 1, (size_t)memory);
		}
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	for (long i = 0; i < all; i++)
		if (read(ready[0], &byte, 1) != 1)
			die("read");
}

static uint64_t run_hook(const char *program)
{
	uint64_t from = bench_now();
	pid_t pid = vfork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		execl(program, program, "hook", "completed", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		die("hook");
	return bench_now() - from;
}

int main(int argc, char **argv)
{
	struct bench_report report = {.began = bench_now()};
	const char *hook = getenv("BENCH_HOOK");
	int peer = argc == 3 && strcmp(argv[1], "peer") == 0;
	int out;

	if (!peer && argc != 4)
		return 2;
	out = atoi(argv[peer ? 2 : 3]);
	signal(SIGPIPE, SIG_IGN);
	make_files(number("BENCH_FILES"));
	make_processes(number("BENCH_PROCESSES"), number("BENCH_MEMORY"));
	if (hook && !peer)
		report.hook = run_hook(hook);
	report.ended = bench_now();
	if (write(out, &report, sizeof(report)) != (ssize_t)sizeof(report))
		return 1;
	while (peer)
		pause();
	_exit(100);
}
