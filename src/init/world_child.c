/*
 * Process 1 of a world, from clone3(2) to its end.
 *
 * Until the Worker runs, a failing step is reported over a pipe that ends
 * silently when all went well. From then on nothing may end it early: it
 * reaps, and ends when the Worker does, which ends everybody else.
 */
#include "init/world_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/caps.h"
#include "init/fds.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/proc.h"

#define WORKER_DIR WORLD_RUNNER_ROOT "/bin"
#define WORKER WORKER_DIR "/Runner.Worker"
#define END_FD (WORLD_PROC_FD + 1)

static _Noreturn void give_up(int status, const struct dr_err *err)
{
	const struct world_birth b = {.err = *err};

	if (fs_write_full(status, &b, sizeof(b)) < 0)
		_exit(126);
	_exit(127);
}

/*
 * Tied to the supervisor. Its death before this call went unnoticed, and
 * getppid(2) is 0 in a new pid namespace whether it lives or not: but then
 * nobody holds the other end of the pipe.
 */
static int tie(int status, struct dr_err *err)
{
	struct pollfd p = {.fd = status};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
		prctl(PR_SET_DUMPABLE, 0) < 0 ||
		prctl(PR_SET_NAME, "deskrun-world") < 0)
		return dr_err_errno(err, DR_ENGINE, "prctl");
	if (poll(&p, 1, 0) > 0 && (p.revents & POLLERR))
		_exit(126);
	return 0;
}

/* Keys of the supervisor's session are not the job's, nor the other way. */
static int join_keyring(struct dr_err *err)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 &&
		errno != ENOSYS && errno != EPERM)
		return dr_err_errno(err, DR_ENGINE, "join a session keyring");
	return 0;
}

/* The way to the supervisor: a socket of its, named in this world's /run. */
static int bind_hook(int hook, struct dr_err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s%s", PLAN_ROOT,
		WORLD_SOCKET);
	umask(0177);
	if (bind(hook, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(hook, 4) < 0)
		return dr_err_errno(err, DR_ENGINE, "bind %s", WORLD_SOCKET);
	umask(022);
	return 0;
}

/* pivot_root(2): "." twice, so that no directory is needed for the old one */
static int enter_root(struct dr_err *err)
{
	if (chdir(PLAN_ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return dr_err_errno(err, DR_ENGINE, "enter the world's root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return dr_err_errno(err, DR_ENGINE, "leave the machine's root");
	return 0;
}

static int build(const struct world_child *c, struct dr_err *err)
{
	struct world_birth b = {0};

	if (tie(c->status, err) < 0 ||
		cgroups_join(&c->g->cgroups, c->name, err) < 0)
		return -1;
	/* not by clone3(2): it takes the caller's cgroup for the root */
	if (unshare(CLONE_NEWCGROUP) < 0)
		return dr_err_errno(err, DR_ENGINE,
			"a cgroup namespace (CONFIG_CGROUPS)");
	/* not by a descriptor: its mount is one of the supervisor's namespace,
	 * where nothing can be mounted from here */
	if (chdir(c->g->spec->scratch) < 0 || chdir(c->name) < 0)
		return dr_err_errno(err, DR_ENGINE, "enter scratch");
	if (plan_run(&c->g->plan, c->g->layers, &b.mounts, err) < 0 ||
		bind_hook(c->hook, err) < 0 || enter_root(err) < 0)
		return -1;
	if (join_keyring(err) < 0)
		return -1;
	if (fs_write_full(c->status, &b, sizeof(b)) < 0)
		_exit(126);
	return 0;
}

static int place_fds(const struct world_request *r, int *status,
	struct dr_err *err)
{
	const size_t n = ARRAY_SIZE(r->fds);
	int keep[ARRAY_SIZE(r->fds) + 4] = {0, 1, 2};

	*status = fds_above(*status, r->numbers, n);
	if (*status < 0 || fds_place(r->fds, r->numbers, n) < 0)
		return dr_err_errno(err, DR_ENGINE, "hand descriptors over");
	for (size_t i = 0; i < n; i++)
		keep[3 + i] = r->fds[i] >= 0 ? r->numbers[i] : -1;
	keep[3 + n] = *status;
	fds_close_but(keep, 4 + n);
	return 0;
}

/* 0, 1 and 2 must be something, and not the supervisor's. */
static int fill_stdio(const struct world_request *r, struct dr_err *err)
{
	for (int number = 0; number <= 2; number++) {
		bool given = false;

		for (size_t i = 0; i < ARRAY_SIZE(r->fds); i++)
			if (r->fds[i] >= 0 && r->numbers[i] == number)
				given = true;
		if (given)
			continue;
		close(number);
		if (open("/dev/null", O_RDWR) != number)
			return dr_err_errno(err, DR_ENGINE, "open /dev/null");
	}
	return 0;
}

/* In the memory of process 1, which waits until this is executed or gone. */
static _Noreturn void worker(const struct world_child *c)
{
	const struct world_request *r = c->request;
	struct dr_err err = DR_ERR_INIT;
	char *const *argv = r->argv;
	int status = c->status;

	if (argv[0])
		r->argv[0] = (char *)WORKER;
	setsid();
	if (place_fds(r, &status, &err) < 0 || fill_stdio(r, &err) < 0)
		give_up(status, &err);
	if (chdir(WORKER_DIR) < 0) {
		dr_err_errno(&err, DR_ENGINE, "enter %s", WORKER_DIR);
		give_up(status, &err);
	}
	if (caps_limit(c->g->spec->mode, &err) < 0)
		give_up(status, &err);
	proc_reset_signals();
	execve(WORKER, argv, r->envp);
	dr_err_errno(&err, DR_ENGINE, "execute %s", WORKER);
	give_up(status, &err);
}

struct dirent_head { /* getdents64(2) */
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

int64_t world_count_processes(int proc_fd)
{
	_Alignas(struct dirent_head) char buf[4096];
	int64_t count = -1; /* process 1 itself */
	long n;

	if (proc_fd < 0 || lseek(proc_fd, 0, SEEK_SET) < 0)
		return 0;
	while ((n = syscall(SYS_getdents64, proc_fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			struct dirent_head *e = (void *)(buf + at);

			if (e->name[0] >= '1' && e->name[0] <= '9')
				count++;
			at += e->len;
		}
	return count > 0 ? count : 0;
}

static void wait_for(pid_t worker_pid, int *status)
{
	pid_t pid;

	while ((pid = waitpid(-1, status, 0)) != worker_pid)
		if (pid < 0 && errno != EINTR)
			_exit(126);
}

/*
 * The others would end with this process in any case. Told now, they do so
 * while they are counted: what is dead and not reaped is still in /proc.
 */
static int64_t kill_others(void)
{
	siginfo_t info;

	/* orphans are children of process 1: without any, it is alone */
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0;
	kill(-1, SIGKILL);
	return world_count_processes(WORLD_PROC_FD);
}

static int code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* What is kept: /proc to count by, and the pipe to report over. */
static int settle(const struct world_child *c, int proc, struct dr_err *err)
{
	static const int keep[] = {WORLD_PROC_FD, END_FD};
	const int have[] = {proc, c->end};

	/* closing the last writer of the status pipe tells that all is well */
	if (fds_place(have, keep, 2) < 0)
		return dr_err_errno(err, DR_ENGINE, "keep descriptors");
	return caps_drop_all(err);
}

_Noreturn void world_child(const struct world_child *c)
{
	static const int keep[] = {WORLD_PROC_FD, END_FD};
	struct dr_err err = DR_ERR_INIT;
	struct world_end end = {0};
	auto_close int proc = -1;
	int status;
	pid_t pid;

	if (build(c, &err) < 0)
		give_up(c->status, &err);
	if (!c->request)
		_exit(0);
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* vfork(2) copies no page tables: a tenth of a millisecond */
	pid = proc < 0 ? -1 : vfork();
	if (pid < 0) {
		dr_err_errno(&err, DR_ENGINE, "start the Worker");
		give_up(c->status, &err);
	}
	if (pid == 0)
		worker(c);
	if (settle(c, proc, &err) < 0)
		give_up(c->status, &err);
	fds_close_but(keep, 2);
	wait_for(pid, &status);
	end.code = code_of(status);
	end.processes = kill_others();
	if (fs_write_full(END_FD, &end, sizeof(end)) < 0)
		_exit(126);
	_exit(0);
}
