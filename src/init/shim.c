/*
 * What stands in the place of bin/Runner.Worker: it has the supervisor start
 * the real one in a world of its own, and ends as that one ends.
 *
 * It keeps both pipes open until then. A Listener that finds its pipe closed
 * takes the Worker for dead, and would start the next job in the middle of
 * the wipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/channel.h"
#include "init/handover.h"
#include "init/init.h"
#include "util/cleanup.h"
#include "util/fs.h"

/* As long as a Listener tries to send its job message */
#define DRAIN_MS 30000

/*
 * The Listener's death does not end its children, and PR_SET_PDEATHSIG would
 * end us with the thread that forked: .NET forks on a pool's thread.
 */
static int open_parent(struct dr_err *err)
{
	int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);

	if (fd < 0)
		return dr_err_errno(err, DR_FAILED, "pidfd_open");
	return fd;
}

static int connect_supervisor(struct dr_err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const char *slot = getenv(HANDOVER_ENV);
	auto_close int dir = -1, sock = -1;

	if (!slot)
		return dr_err_set(err, DR_FAILED, HANDOVER_ENV " is not set");
	/* by a descriptor: sun_path holds 107 bytes and no long path */
	dir = open(slot, O_PATH | O_DIRECTORY | O_CLOEXEC);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (dir < 0 || sock < 0)
		return dr_err_errno(err, DR_FAILED, "open %s", slot);
	snprintf(addr.sun_path, sizeof(addr.sun_path),
		"/proc/self/fd/%d/" HANDOVER_SOCKET, dir);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return dr_err_errno(err, DR_FAILED,
			"connect to the supervisor");
	return steal_fd(&sock);
}

static int request_world(char **argv, const int pipes[2], int sock,
	struct dr_err *err)
{
	auto_free char *cwd = getcwd(NULL, 0);
	struct handover h = {
		.argv = argv,
		.envp = environ,
		.cwd = cwd,
		.numbers = {0, 1, 2, pipes[0], pipes[1]},
	};

	if (!cwd)
		return dr_err_errno(err, DR_FAILED, "getcwd");
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		h.fds[i] = fcntl(h.numbers[i], F_GETFD) >= 0 ? h.numbers[i]
							     : -1;
	return handover_send(sock, &h, err);
}

/* 0 with an answer, 1 when the Listener died, -1 without an answer. */
static int await_answer(int sock, int parent, struct handover_answer *answer,
	struct dr_err *err)
{
	size_t have = 0;

	while (have < sizeof(*answer)) {
		struct pollfd p[2] = {
			{.fd = sock, .events = POLLIN},
			{.fd = parent, .events = POLLIN},
		};
		ssize_t n;

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			return 1;
		n = read(sock, (char *)answer + have, sizeof(*answer) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return dr_err_set(err, DR_FAILED,
				"the supervisor died");
		have += (size_t)n;
	}
	if (!handover_answer_check(answer, have))
		return dr_err_set(err, DR_FAILED,
			"the supervisor's answer is malformed");
	return 0;
}

/* The job fails at once, and the Listener shows this line as its reason. */
static int refuse(int pipe, int parent, const char *why)
{
	struct dr_err drained = DR_ERR_INIT;

	if (pipe >= 0 && channel_drain(pipe, parent, DRAIN_MS, &drained) < 0)
		fprintf(stderr, "deskrun: %s\n", drained.msg);
	fprintf(stderr, "deskrun: no world for this job: %s\n", why);
	return 1;
}

int shim_main(char **argv)
{
	struct handover_answer answer;
	struct dr_err err = DR_ERR_INIT;
	auto_close int parent = -1, sock = -1;
	int pipes[2] = {-1, -1}, rc;

	signal(SIGPIPE, SIG_IGN);
	if (handover_pipes(argv, pipes, &err) < 0 ||
		(parent = open_parent(&err)) < 0 ||
		(sock = connect_supervisor(&err)) < 0 ||
		request_world(argv, pipes, sock, &err) < 0)
		return refuse(pipes[0], parent, err.msg);
	rc = await_answer(sock, parent, &answer, &err);
	if (rc > 0)
		return 1;
	if (rc < 0)
		return refuse(pipes[0], parent, err.msg);
	if (answer.verdict == HANDOVER_REFUSED)
		return refuse(pipes[0], parent, answer.reason);
	return answer.code & 0xff;
}
