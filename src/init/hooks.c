/*
 * The supervisor's end of the hooks' socket.
 *
 * Everything here is in a job's hands: a few connections at once, one bounded
 * message each, a deadline, and two words that it may say.
 */
#include "init/supervisor.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"

#define MESSAGE_MS 2000
/* What counting may cost the job */
#define MEASURE_US 2000

static void forget(struct hook *hook)
{
	loop_timer_cancel(&hook->s->loop, &hook->deadline);
	loop_close(&hook->s->loop, &hook->source);
	hook->waits = false;
}

static void on_deadline(void *arg)
{
	forget(arg);
}

static void answer(struct hook *hook, const struct dr_buf *text)
{
	if (text->len > 0 &&
		send(hook->source.fd, text->data, text->len,
			MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("answer a hook: %s", strerror(errno));
	forget(hook);
}

static struct hook_receipt describe(const struct supervisor *s)
{
	return (struct hook_receipt){
		.runner = s->spec.runner,
		.world = s->job.world.name,
		.isolation = "world",
		.mode = slot_mode_name(s->spec.mode),
	};
}

/* The first one is the runner's own; what comes later is the job's. */
static void started(struct hook *hook, struct slot_job *identity)
{
	struct supervisor *s = hook->s;
	struct job *job = &s->job;
	struct hook_receipt told = describe(s);
	auto_buf struct dr_buf text;

	dr_buf_init(&text, HOOK_MESSAGE_MAX);
	if (!job->identified) {
		job->identified = true;
		job->identity = *identity;
		*identity = (struct slot_job){0};
		events_emit(&s->events,
			&(struct slot_event){.type = EV_JOB_IDENTIFIED,
				.world = job->world.name,
				.job = &job->identity});
	}
	hook_greeting(&told, &text);
	answer(hook, &text);
}

static void completed(struct hook *hook)
{
	struct supervisor *s = hook->s;
	struct hook_receipt told = describe(s);
	auto_buf struct dr_buf text;

	dr_buf_init(&text, HOOK_MESSAGE_MAX);
	world_measure(s->ground, &s->job.world, MEASURE_US, &told.usage);
	hook_receipt(&told, &text);
	answer(hook, &text);
}

static void handle(struct hook *hook, size_t len)
{
	struct dr_err err = DR_ERR_INIT;
	struct slot_job identity = {0};
	enum hook_verb verb;

	if (hook_message_parse(hook->bytes, len, &verb, &identity, &err) < 0) {
		log_warn("%s: a hook was refused: %s", hook->s->job.world.name,
			err.msg);
		forget(hook);
	} else if (verb == HOOK_STARTED) {
		started(hook, &identity);
	} else if (gate_close(hook->s)) {
		hook->waits = true;
		loop_timer_cancel(&hook->s->loop, &hook->deadline);
	} else {
		completed(hook);
	}
	slot_job_clear(&identity);
}

static void on_hook(void *arg, uint32_t events)
{
	struct hook *hook = arg;
	struct iovec iov = {.iov_base = hook->bytes + hook->len,
		.iov_len = sizeof(hook->bytes) - hook->len};
	/* without room for control data the kernel drops descriptors itself,
	 * and says so: unix(7) */
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(hook->source.fd, &msg, MSG_DONTWAIT);
	char *end;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || hook->waits ||
		(msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
		forget(hook);
		return;
	}
	hook->len += (size_t)n;
	end = memchr(hook->bytes, '\n', hook->len);
	if (end)
		handle(hook, (size_t)(end - hook->bytes));
	else if (hook->len == sizeof(hook->bytes))
		forget(hook);
}

static void on_connection(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	struct dr_err err = DR_ERR_INIT;
	auto_close int fd = accept4(s->hook_listen.fd, NULL, NULL,
		SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	for (size_t i = 0; fd >= 0 && i < HOOKS_MAX; i++) {
		struct hook *hook = &s->hooks[i];

		if (hook->source.fd >= 0)
			continue;
		*hook = (struct hook){
			.s = s,
			.source = {.fd = steal_fd(&fd),
				.ready = on_hook,
				.arg = hook},
			.deadline = {.fire = on_deadline, .arg = hook},
		};
		if (loop_add(&s->loop, &hook->source, EPOLLIN, &err) < 0)
			forget(hook);
		else
			loop_timer_set(&s->loop, &hook->deadline, MESSAGE_MS);
	}
	/* one too many: closed */
}

int hooks_open(struct supervisor *s, int listen_fd, struct dr_err *err)
{
	s->hook_listen = (struct loop_source){
		.fd = listen_fd, /* the world's */
		.ready = on_connection,
		.arg = s,
	};
	return loop_add(&s->loop, &s->hook_listen, EPOLLIN, err);
}

void hooks_deaf(struct supervisor *s)
{
	loop_remove(&s->loop, &s->hook_listen);
	s->hook_listen.fd = -1;
}

void hooks_close(struct supervisor *s)
{
	for (size_t i = 0; i < HOOKS_MAX; i++)
		if (s->hooks[i].source.fd >= 0)
			forget(&s->hooks[i]);
	hooks_deaf(s);
}

void hooks_resume(struct supervisor *s)
{
	for (size_t i = 0; i < HOOKS_MAX; i++)
		if (s->hooks[i].source.fd >= 0 && s->hooks[i].waits)
			completed(&s->hooks[i]);
}
