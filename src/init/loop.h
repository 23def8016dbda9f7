/*
 * The supervisor's loop: epoll(7), one timerfd and no threads.
 *
 * One event is handled at a time, so that a handler may remove and close any
 * source without leaving a stale event behind.
 */
#ifndef DESKRUN_INIT_LOOP_H
#define DESKRUN_INIT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

/* Embedded in what owns the descriptor; must stay in place while added. */
struct loop_source {
	int fd; /* the owner's; -1 while not added */
	void (*ready)(void *arg, uint32_t events);
	void *arg;
};

struct loop_timer {
	void (*fire)(void *arg);
	void *arg;
	uint64_t due_ns;
	struct loop_timer *next;
	bool set;
};

struct loop {
	int epoll_fd;
	struct loop_source clock; /* the timerfd */
	struct loop_timer *timers;
};

int loop_init(struct loop *loop, struct dr_err *err);
void loop_clear(struct loop *loop);

/* events as in epoll_ctl(2). */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events,
	struct dr_err *err);
/* Leaves the descriptor open; nothing when it is not added. */
void loop_remove(struct loop *loop, struct loop_source *source);
/* Removes it and closes the descriptor. */
void loop_close(struct loop *loop, struct loop_source *source);

/* (Re)sets a timer; it fires once. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer,
	uint64_t after_ms);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* Waits for one event or the next timer and handles it. */
int loop_turn(struct loop *loop, struct dr_err *err);

#endif
