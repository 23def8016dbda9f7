#include "init/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/cleanup.h"

/* Waits for bytes of the Listener, or for room at the Worker. */
static void await(struct relay *r, bool room)
{
	struct dr_err ignored = DR_ERR_INIT;

	loop_remove(r->loop, &r->in);
	loop_remove(r->loop, &r->out);
	if (room)
		loop_add(r->loop, &r->out, EPOLLOUT, &ignored);
	else
		loop_add(r->loop, &r->in, EPOLLIN, &ignored);
}

/* The Worker's end is gone: what comes now stays in the Listener's pipe,
 * which must not look closed, see shim.c. */
static void stop(struct relay *r)
{
	loop_remove(r->loop, &r->in);
	loop_close(r->loop, &r->out);
}

static void read_head(struct relay *r)
{
	struct channel_head head;
	ssize_t n = read(r->in.fd, r->head + r->have, CHANNEL_HEAD - r->have);

	if (n <= 0) {
		/* the Listener died: its Worker sees the end as it would */
		if (n == 0 || errno != EINTR)
			stop(r);
		return;
	}
	r->have += (size_t)n;
	if (r->have < CHANNEL_HEAD)
		return;
	if (channel_head_parse(r->head, &head) < 0)
		r->raw = true;
	else
		r->body = head.length;
}

static void write_head(struct relay *r)
{
	ssize_t n = write(r->out.fd, r->head + r->sent, r->have - r->sent);

	if (n < 0) {
		if (errno == EAGAIN)
			await(r, true);
		else if (errno != EINTR)
			stop(r);
		return;
	}
	r->sent += (size_t)n;
	if (r->sent < CHANNEL_HEAD)
		return;
	await(r, false);
}

/* Never through our memory: it holds the job's secrets. */
static void move_body(struct relay *r)
{
	size_t most = r->raw ? 65536 : r->body;
	ssize_t n = splice(r->in.fd, NULL, r->out.fd, NULL, most,
		SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	int waiting = 0;

	if (n > 0 && !r->raw)
		r->body -= (uint32_t)n;
	if (n > 0)
		await(r, false);
	else if (n < 0 && errno == EAGAIN)
		await(r,
			ioctl(r->in.fd, FIONREAD, &waiting) == 0 &&
				waiting > 0);
	else if (n == 0 || errno != EINTR)
		stop(r);
}

static void on_pipe(void *arg, uint32_t events)
{
	struct relay *r = arg;
	struct channel_head head;

	(void)events;
	if (r->sent == CHANNEL_HEAD && r->body == 0 && !r->raw)
		r->have = r->sent = 0;
	if (r->have < CHANNEL_HEAD) {
		read_head(r);
		if (r->have < CHANNEL_HEAD || r->in.fd < 0)
			return;
	}
	if (r->holding && r->sent == 0) {
		/* the body, if any, waits in the pipe */
		loop_remove(r->loop, &r->in);
		if (!r->told && channel_head_parse(r->head, &head) == 0) {
			r->told = true;
			r->on_held(r->arg, head.type);
		}
		return;
	}
	if (r->sent < CHANNEL_HEAD)
		write_head(r);
	else
		move_body(r);
}

int relay_open(struct relay *r, struct loop *loop, int from, int *worker,
	struct dr_err *err)
{
	auto_close int worker_end = -1;
	int fds[2];

	*r = (struct relay){
		.loop = loop,
		.in = {.fd = -1, .ready = on_pipe, .arg = r},
		.out = {.fd = -1, .ready = on_pipe, .arg = r},
	};
	if (pipe2(fds, O_CLOEXEC) < 0)
		return dr_err_errno(err, DR_FAILED, "pipe");
	worker_end = fds[0];
	r->out.fd = fds[1];
	r->in.fd = fcntl(from, F_DUPFD_CLOEXEC, 3);
	if (r->in.fd < 0 || fcntl(r->out.fd, F_SETFL, O_NONBLOCK) < 0) {
		dr_err_errno(err, DR_FAILED, "fcntl");
		relay_close(r);
		return -1;
	}
	if (loop_add(loop, &r->in, EPOLLIN, err) < 0) {
		relay_close(r);
		return -1;
	}
	*worker = steal_fd(&worker_end);
	return 0;
}

void relay_close(struct relay *r)
{
	if (!r->loop)
		return;
	loop_close(r->loop, &r->in);
	loop_close(r->loop, &r->out);
	r->loop = NULL;
}

void relay_hold(struct relay *r)
{
	r->holding = true;
}

void relay_drop(struct relay *r)
{
	if (!r->loop || !r->told || r->body > 0)
		return;
	r->have = r->sent = 0;
	r->told = false;
	await(r, false);
}

void relay_release(struct relay *r)
{
	if (!r->loop || !r->holding)
		return;
	r->holding = r->told = false;
	if (r->out.fd >= 0)
		await(r, r->have == CHANNEL_HEAD && r->sent < CHANNEL_HEAD);
}
