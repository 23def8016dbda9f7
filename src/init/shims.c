#include "init/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

/* A shim sends all it has to say at once. */
#define REQUEST_MS 5000

static void forget(struct shim *shim)
{
	struct supervisor *s = shim->s;

	loop_timer_cancel(&s->loop, &shim->deadline);
	loop_close(&s->loop, &shim->source);
	handover_clear(&shim->request);
	dr_buf_clear(&shim->bytes);
	shim->complete = false;
	shim->arrived_ns = 0;
}

void shim_answer(struct shim *shim, enum handover_verdict verdict, int code,
	const char *reason)
{
	struct handover_answer answer;

	handover_answer_init(&answer, verdict, code, reason);
	/* it fits any socket's buffer; a shim that is gone needs none */
	if (send(shim->source.fd, &answer, sizeof(answer),
		    MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("answer a shim: %s", strerror(errno));
	forget(shim);
}

static void refuse(struct shim *shim, const char *reason)
{
	log_warn("a shim was refused: %s", reason);
	shim_answer(shim, HANDOVER_REFUSED, 1, reason);
}

static void on_deadline(void *arg)
{
	refuse(arg, "the request did not come in time");
}

/* The fourth field of stat, behind a name that may hold anything. By hand:
 * sscanf(3) is a tenth of a static program. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[512], *at;
	auto_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (n <= 0)
		return -1;
	text[n] = '\0';
	at = strrchr(text, ')');
	/* ") S 1234 ..." */
	if (!at || strlen(at) < 5)
		return -1;
	return (pid_t)strtol(at + 4, NULL, 10);
}

/* Only the Listener starts Workers: whoever else comes here is none. */
static bool is_listeners_child(struct supervisor *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
		s->listener.pid > 0 && parent_of(peer.pid) == s->listener.pid;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* The descriptors of one message, in the order in which they were sent. */
static size_t received_fds(struct msghdr *msg, int *fds)
{
	size_t total = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
		c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + total, CMSG_DATA(c), n * sizeof(int));
		total += n;
	}
	return total;
}

static ssize_t receive(struct shim *shim, char *chunk, size_t size)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(HANDOVER_FDS * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = chunk, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int fds[HANDOVER_FDS];
	ssize_t n = recvmsg(shim->source.fd, &msg,
		MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	size_t got;

	if (n < 0)
		return n;
	got = received_fds(&msg, fds);
	if (got > 0 && shim->bytes.len > 0) {
		close_all(fds, got);
		errno = EPROTO;
		return -1;
	}
	/* -1 closes the gaps once the head has said where they are */
	for (size_t i = 0; i < got; i++)
		shim->request.fds[i] = fds[i];
	return n;
}

/* Puts the descriptors where they belong: those that were absent did not
 * come. 0, or -1 when the number is wrong or a pipe is none. */
static int place_fds(struct handover *h, unsigned present)
{
	int came[HANDOVER_FDS];
	size_t next = 0;
	struct stat st;

	memcpy(came, h->fds, sizeof(came));
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		h->fds[i] = present & 1u << i ? came[next++] : -1;
	if (next < HANDOVER_FDS && came[next] >= 0) {
		close_all(came + next, 1);
		return -1;
	}
	for (size_t i = 3; i < HANDOVER_FDS; i++)
		if (h->fds[i] < 0 || fstat(h->fds[i], &st) < 0 ||
			!S_ISFIFO(st.st_mode))
			return -1;
	return 0;
}

static void completed(struct shim *shim)
{
	struct supervisor *s = shim->s;
	struct dr_err err = DR_ERR_INIT;
	unsigned present;
	int pipes[2];

	if (!is_listeners_child(s, shim->source.fd)) {
		refuse(shim, "only the Listener's own Workers get worlds");
		return;
	}
	if (handover_decode(shim->bytes.data, shim->bytes.len, &shim->request,
		    &present, &err) < 0 ||
		handover_pipes(shim->request.argv, pipes, &err) < 0) {
		refuse(shim, err.msg);
		return;
	}
	if (place_fds(&shim->request, present) < 0) {
		refuse(shim, "its descriptors are not the Listener's pipes");
		return;
	}
	dr_buf_clear(&shim->bytes);
	loop_timer_cancel(&s->loop, &shim->deadline);
	shim->complete = true;
	shim->order = ++s->shims_seen;
	shim->arrived_ns = clock_mono_ns();
}

static void gone(struct shim *shim)
{
	job_shim_gone(shim->s, shim);
	forget(shim);
}

static void on_shim(void *arg, uint32_t events)
{
	struct shim *shim = arg;
	struct dr_err err = DR_ERR_INIT;
	char chunk[16384];
	ssize_t n, length;

	(void)events;
	n = receive(shim, chunk, sizeof(chunk));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* nothing more comes after a request: a shim that speaks is no shim */
	if (n <= 0 || shim->arrived_ns > 0) {
		gone(shim);
		return;
	}
	if (dr_buf_add(&shim->bytes, chunk, (size_t)n) < 0) {
		refuse(shim, "the request is too large");
		return;
	}
	length = handover_length(shim->bytes.data, shim->bytes.len, &err);
	if (length < 0 || (length > 0 && (size_t)length < shim->bytes.len))
		refuse(shim, length < 0 ? err.msg : "the request is too long");
	else if (length > 0 && (size_t)length == shim->bytes.len)
		completed(shim);
}

static void on_connection(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	struct dr_err err = DR_ERR_INIT;
	auto_close int fd = accept4(s->listening.fd, NULL, NULL, SOCK_CLOEXEC);
	struct shim *shim = NULL;

	(void)events;
	if (fd < 0)
		return;
	for (size_t i = 0; i < SHIMS_MAX && !shim; i++)
		if (s->shims[i].source.fd < 0)
			shim = &s->shims[i];
	if (!shim) {
		log_warn("a shim was sent away: too many wait");
		return;
	}
	*shim = (struct shim){
		.s = s,
		.source = {.fd = steal_fd(&fd), .ready = on_shim, .arg = shim},
		.deadline = {.fire = on_deadline, .arg = shim},
		.request = HANDOVER_INIT,
	};
	dr_buf_init(&shim->bytes, HANDOVER_MAX + 4096);
	if (loop_add(&s->loop, &shim->source, EPOLLIN, &err) < 0)
		refuse(shim, err.msg);
	else
		loop_timer_set(&s->loop, &shim->deadline, REQUEST_MS);
}

struct shim *shims_next(struct supervisor *s)
{
	struct shim *next = NULL;

	for (size_t i = 0; i < SHIMS_MAX; i++) {
		struct shim *shim = &s->shims[i];

		if (shim->source.fd >= 0 && shim->complete &&
			(!next || shim->order < next->order))
			next = shim;
	}
	return next;
}

int shims_open(struct supervisor *s, struct dr_err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	s->listening = (struct loop_source){
		.fd = socket(AF_UNIX,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.ready = on_connection,
		.arg = s,
	};
	if (s->listening.fd < 0)
		return dr_err_errno(err, DR_FAILED, "socket");
	/* by a descriptor: sun_path holds 107 bytes and no long path */
	snprintf(addr.sun_path, sizeof(addr.sun_path),
		"/proc/self/fd/%d/" HANDOVER_SOCKET, s->slot_fd);
	unlinkat(s->slot_fd, HANDOVER_SOCKET, 0);
	if (bind(s->listening.fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		fchmodat(s->slot_fd, HANDOVER_SOCKET, 0600, 0) < 0 ||
		listen(s->listening.fd, SHIMS_MAX) < 0)
		return dr_err_errno(err, DR_FAILED, "listen on %s/%s", s->slot,
			HANDOVER_SOCKET);
	return loop_add(&s->loop, &s->listening, EPOLLIN, err);
}

void shims_close(struct supervisor *s)
{
	for (size_t i = 0; i < SHIMS_MAX; i++)
		if (s->shims[i].source.fd >= 0)
			forget(&s->shims[i]);
	if (s->listening.fd < 0)
		return; /* the socket there may be somebody else's */
	loop_close(&s->loop, &s->listening);
	unlinkat(s->slot_fd, HANDOVER_SOCKET, 0);
}
