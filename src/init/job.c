#include "init/supervisor.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "init/environment.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/strv.h"

/* A Listener whose job is over has only its session to delete: it gives
 * itself 30 seconds for that. */
#define END_MS 45000
#define NOW_END_MS 10000
/* Killing 2,000 processes takes a third of a second; what is in an
 * uninterruptible sleep cannot be killed at all. */
#define DOOM_MS 30000
/* Long enough to receive, acknowledge and acquire another job, and to start
 * its Worker. */
#define SETTLE_MS 3000

static void on_doom(void *arg)
{
	struct supervisor *s = arg;

	events_emit(&s->events,
		&(struct slot_event){.type = EV_TAINTED,
			.world = s->job.world.name,
			.reason = "its processes do not die"});
}

void job_init(struct supervisor *s)
{
	s->job = (struct job){
		.pidfd = {.fd = -1},
		.doom = {.fire = on_doom, .arg = s},
	};
}

bool job_running(const struct supervisor *s)
{
	return s->job.running;
}

/* All that is not needed for the answer comes after it. */
static void finish(struct supervisor *s)
{
	struct job *job = &s->job;
	struct wipe wipe = {.kind = WIPE_WORLD};

	if (job->shim)
		shim_answer(job->shim, HANDOVER_ENDED, job->end.code, NULL);
	wipe.waited_us = (int64_t)((clock_mono_ns() - job->ended_ns) / 1000u);
	loop_timer_cancel(&s->loop, &job->doom);
	relay_close(&job->relay);
	hooks_close(s);
	gate_reset(s);
	listener_limit(s, supervisor_want(s) == SLOT_NOW ? NOW_END_MS : END_MS);
	events_emit(&s->events,
		&(struct slot_event){.type = EV_JOB_COMPLETED,
			.world = job->world.name,
			.code = job->end.code,
			.waited_us = wipe.waited_us});
	wipe.world = job->world;
	wipe.identity = job->identity;
	wipe.end = job->end;
	wipe.ended_ms = job->ended_ms;
	wipes_add(s, &wipe);
	job_init(s);
	loop_timer_set(&s->loop, &s->settle, SETTLE_MS);
}

static void on_dead(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	struct job *job = &s->job;

	(void)events;
	job->ended_ns = clock_mono_ns();
	job->ended = true;
	/* world_reap() closes these two */
	loop_remove(&s->loop, &job->pidfd);
	job->pidfd.fd = -1;
	hooks_deaf(s);
	world_reap(&job->world, &job->end);
	job->ended_ms = clock_wall_ms();
	/* only for a Worker that was killed in its completed hook */
	if (s->gate.state != GATE_CLOSING)
		finish(s);
}

void job_gate_done(struct supervisor *s)
{
	if (s->job.ended)
		finish(s);
	else
		hooks_resume(s);
}

static int start_world(struct supervisor *s, struct shim *shim,
	struct dr_err *err)
{
	struct job *job = &s->job;
	auto_strv char **env = environment_worker(&s->spec, shim->request.envp);
	struct world_request request = {
		.argv = shim->request.argv, .envp = env};
	auto_close int worker_end = -1;
	char name[sizeof(job->world.name)];

	if (!env)
		return dr_err_oom(err);
	if (relay_open(&job->relay, &s->loop, shim->request.fds[3], &worker_end,
		    err) < 0)
		return -1;
	memcpy(request.fds, shim->request.fds, sizeof(request.fds));
	memcpy(request.numbers, shim->request.numbers, sizeof(request.numbers));
	request.fds[3] = worker_end;
	snprintf(name, sizeof(name), "w-%llu-%llu",
		(unsigned long long)s->events.epoch,
		(unsigned long long)++s->worlds);
	if (world_start(s->ground, name, &request, &job->world, err) == 0)
		return 0;
	relay_close(&job->relay);
	snprintf(job->world.name, sizeof(job->world.name), "%s", name);
	return -1;
}

static void refused(struct supervisor *s, struct shim *shim,
	const struct dr_err *err)
{
	struct wipe wipe = {.kind = WIPE_UNBORN};

	log_error("start a world: %s", err->msg);
	shim_answer(shim, HANDOVER_REFUSED, 1, err->msg);
	snprintf(wipe.world.name, sizeof(wipe.world.name), "%s",
		s->job.world.name);
	if (*wipe.world.name)
		wipes_add(s, &wipe);
	job_init(s);
}

void job_start(struct supervisor *s, struct shim *shim)
{
	struct job *job = &s->job;
	struct dr_err err = DR_ERR_INIT;

	if (start_world(s, shim, &err) < 0) {
		refused(s, shim, &err);
		return;
	}
	job->running = true;
	job->shim = shim;
	job->pidfd = (struct loop_source){
		.fd = job->world.pidfd,
		.ready = on_dead,
		.arg = s,
	};
	/* the shim counts as running: it is not next any more */
	shim->complete = false;
	if (loop_add(&s->loop, &job->pidfd, EPOLLIN, &err) < 0 ||
		hooks_open(s, job->world.hook_fd, &err) < 0) {
		log_error("%s", err.msg);
		job_kill(s);
	}
	events_emit(&s->events,
		&(struct slot_event){
			.type = EV_JOB_STARTED, .world = job->world.name});
}

void job_kill(struct supervisor *s)
{
	struct job *job = &s->job;

	if (!job->running || job->ended || job->killed)
		return;
	job->killed = true;
	world_kill(&job->world);
	loop_timer_set(&s->loop, &job->doom, DOOM_MS);
}

void job_shim_gone(struct supervisor *s, struct shim *shim)
{
	if (s->job.shim != shim)
		return;
	s->job.shim = NULL;
	job_kill(s);
	gate_give_up(s);
}
