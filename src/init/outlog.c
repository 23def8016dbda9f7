#include "init/outlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"

static void hide(char *line, const char *secret)
{
	size_t len = secret ? strlen(secret) : 0;

	for (char *at = line; len > 0 && (at = strstr(at, secret)); at += len)
		memset(at, '*', len);
}

static void write_line(struct outlog *o)
{
	struct dr_err err = DR_ERR_INIT;

	if (rotated_full(&o->file, o->len + 1) &&
		rotated_rotate(&o->file, &err) < 0)
		log_error("%s", err.msg);
	o->line[o->len] = '\n';
	if (rotated_append(&o->file, o->line, o->len + 1, &err) < 0)
		log_error("%s", err.msg);
}

static void end_line(struct outlog *o)
{
	if (o->len > 0 && o->line[o->len - 1] == '\r')
		o->len--;
	o->line[o->len] = '\0';
	hide(o->line, o->secret);
	if (o->len > 0 && o->on_line)
		o->on_line(o->arg, o->line);
	write_line(o);
	o->len = 0;
}

void outlog_feed(struct outlog *o, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		/* two bytes are kept for the line end and the NUL */
		if (data[i] == '\n')
			end_line(o);
		else if (data[i] != '\0' && o->len < sizeof(o->line) - 2)
			o->line[o->len++] = data[i];
	}
}

/* Returns whether there may be more. */
static bool take(struct outlog *o)
{
	char chunk[4096];
	ssize_t n = read(o->pipe.fd, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		loop_close(o->loop, &o->pipe);
		return false;
	}
	outlog_feed(o, chunk, (size_t)n);
	return true;
}

static void on_output(void *arg, uint32_t events)
{
	(void)events;
	take(arg);
}

int outlog_open(struct outlog *o, struct loop *loop, int dir_fd,
	const char *name, int *child, struct dr_err *err)
{
	auto_close int write_end = -1;
	int fds[2];

	*o = (struct outlog){
		.loop = loop,
		.pipe = {.fd = -1, .ready = on_output, .arg = o},
	};
	if (rotated_open(&o->file, dir_fd, name, err) < 0)
		return -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return dr_err_errno(err, DR_FAILED, "pipe");
	o->pipe.fd = fds[0];
	write_end = fds[1];
	/* only our end: the child's must block as it is used to */
	if (fcntl(o->pipe.fd, F_SETFL, O_NONBLOCK) < 0)
		return dr_err_errno(err, DR_FAILED, "fcntl");
	if (loop_add(loop, &o->pipe, EPOLLIN, err) < 0)
		return -1;
	*child = steal_fd(&write_end);
	return 0;
}

void outlog_drain(struct outlog *o)
{
	while (o->pipe.fd >= 0 && take(o))
		;
	if (o->len > 0)
		end_line(o);
}

void outlog_close(struct outlog *o)
{
	outlog_drain(o);
	loop_close(o->loop, &o->pipe);
	rotated_close(&o->file);
	explicit_bzero(o->line, sizeof(o->line));
}
