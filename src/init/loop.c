#include "init/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "util/clock.h"

/* Arms the timerfd for the earliest timer, or disarms it. */
static void arm(struct loop *loop)
{
	struct itimerspec when = {0};

	if (loop->timers) {
		when.it_value.tv_sec = (time_t)(loop->timers->due_ns /
			1000000000u);
		when.it_value.tv_nsec = (long)(loop->timers->due_ns %
			1000000000u);
	}
	timerfd_settime(loop->clock.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void fire_due(void *arg, uint32_t events)
{
	struct loop *loop = arg;
	uint64_t expirations, now = clock_mono_ns();
	ssize_t n = read(loop->clock.fd, &expirations, sizeof(expirations));

	(void)events;
	(void)n; /* EAGAIN: the timer was set anew in between */
	while (loop->timers && loop->timers->due_ns <= now) {
		struct loop_timer *timer = loop->timers;

		loop->timers = timer->next;
		timer->set = false;
		timer->fire(timer->arg);
	}
	arm(loop);
}

int loop_init(struct loop *loop, struct dr_err *err)
{
	*loop = (struct loop){
		.epoll_fd = epoll_create1(EPOLL_CLOEXEC),
		.clock = {.fd = -1, .ready = fire_due, .arg = loop},
	};
	if (loop->epoll_fd < 0)
		return dr_err_errno(err, DR_FAILED, "epoll");
	loop->clock.fd = timerfd_create(CLOCK_MONOTONIC,
		TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->clock.fd < 0)
		return dr_err_errno(err, DR_FAILED, "timerfd");
	return loop_add(loop, &loop->clock, EPOLLIN, err);
}

void loop_clear(struct loop *loop)
{
	loop_close(loop, &loop->clock);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events,
	struct dr_err *err)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0)
		return dr_err_errno(err, DR_FAILED, "epoll_ctl");
	return 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	/* Explicitly: closing alone does not remove what a child shares. */
	if (source->fd >= 0)
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

void loop_close(struct loop *loop, struct loop_source *source)
{
	if (source->fd < 0)
		return;
	loop_remove(loop, source);
	close(source->fd);
	source->fd = -1;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **at = &loop->timers;

	if (!timer->set)
		return;
	while (*at && *at != timer)
		at = &(*at)->next;
	if (*at)
		*at = timer->next;
	timer->set = false;
	arm(loop);
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer,
	uint64_t after_ms)
{
	struct loop_timer **at = &loop->timers;

	loop_timer_cancel(loop, timer);
	timer->due_ns = clock_mono_ns() + after_ms * 1000000u;
	while (*at && (*at)->due_ns <= timer->due_ns)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	timer->set = true;
	arm(loop);
}

int loop_turn(struct loop *loop, struct dr_err *err)
{
	struct epoll_event event;
	struct loop_source *source;
	int n = epoll_wait(loop->epoll_fd, &event, 1, -1);

	if (n < 0 && errno != EINTR)
		return dr_err_errno(err, DR_FAILED, "epoll_wait");
	if (n <= 0)
		return 0;
	source = event.data.ptr;
	source->ready(source->arg, event.events);
	return 0;
}
