/*
 * "deskrun-init hook started|completed": what the runner calls inside a job.
 * It never fails the job: a supervisor that is silent costs a line in the log.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/hook_message.h"
#include "init/init.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fs.h"

/* More than a gate takes to close, see gate.c */
#define ANSWER_MS 5000

static int say(int sock, enum hook_verb verb, struct dr_err *err)
{
	struct slot_job job = {
		.repository = getenv("GITHUB_REPOSITORY"),
		.run_id = getenv("GITHUB_RUN_ID"),
		.run_attempt = getenv("GITHUB_RUN_ATTEMPT"),
		.workflow = getenv("GITHUB_WORKFLOW"),
		.job = getenv("GITHUB_JOB"),
	};
	auto_buf struct dr_buf message;

	dr_buf_init(&message, HOOK_MESSAGE_MAX);
	if (hook_message_write(verb, &job, &message) < 0) {
		/* a name that long helps nobody */
		job.workflow = NULL;
		dr_buf_reset(&message);
		if (hook_message_write(verb, &job, &message) < 0)
			return dr_err_set(err, DR_FAILED,
				"the job's names are too long");
	}
	if (send(sock, message.data, message.len, MSG_NOSIGNAL) !=
		(ssize_t)message.len)
		return dr_err_errno(err, DR_FAILED, "send");
	return 0;
}

static int hear(int sock, struct dr_buf *text, struct dr_err *err)
{
	uint64_t deadline = clock_mono_ns() + ANSWER_MS * 1000000ull;
	char chunk[HOOK_MESSAGE_MAX];

	for (;;) {
		struct pollfd p = {.fd = sock, .events = POLLIN};
		uint64_t now = clock_mono_ns();
		ssize_t n;

		if (now >= deadline ||
			poll(&p, 1, (int)((deadline - now) / 1000000u) + 1) ==
				0)
			return dr_err_set(err, DR_TIMEOUT,
				"no answer within %d s", ANSWER_MS / 1000);
		n = recv(sock, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return dr_err_errno(err, DR_FAILED, "receive");
		if (n == 0)
			return 0;
		if (dr_buf_add(text, chunk, (size_t)n) < 0)
			return 0;
	}
}

static int converse(enum hook_verb verb, struct dr_buf *text,
	struct dr_err *err)
{
	static const struct sockaddr_un addr = {
		.sun_family = AF_UNIX, .sun_path = WORLD_SOCKET};
	/* non-blocking: with a full backlog connect(2) fails at once */
	auto_close int sock = socket(AF_UNIX,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (sock < 0 ||
		connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return dr_err_errno(err, DR_FAILED, "connect");
	if (say(sock, verb, err) < 0)
		return -1;
	return hear(sock, text, err);
}

int hook_main(int argc, char **argv)
{
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf text;
	enum hook_verb verb;

	dr_buf_init(&text, HOOK_MESSAGE_MAX);
	if (argc != 2 || hook_verb_parse(argv[1], &verb) < 0) {
		fprintf(stderr, "usage: deskrun-init hook started|completed\n");
		return 2;
	}
	if (converse(verb, &text, &err) < 0)
		printf("deskrun: the supervisor does not answer: %s\n",
			err.msg);
	else if (text.len == 0)
		printf("deskrun: the supervisor has nothing to say\n");
	else
		fs_write_full(STDOUT_FILENO, text.data, text.len);
	return 0;
}
