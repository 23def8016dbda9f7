#include "init/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/environment.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/strv.h"

static void keep(struct listener *l, const char *line)
{
	snprintf(l->said, sizeof(l->said), "%s", line);
}

static void on_line(void *arg, const char *line)
{
	struct supervisor *s = arg;
	struct listener *l = &s->listener;

	switch (listener_said(line)) {
	case SAID_LISTENING:
		l->listening_ns = clock_mono_ns();
		l->said[0] = '\0';
		l->conflict = false;
		supervisor_say(s, EV_LISTENING, NULL);
		break;
	case SAID_CONFLICT:
		/* repeated every 30 seconds */
		if (!l->conflict)
			supervisor_say(s, EV_SESSION_CONFLICT, line);
		l->conflict = true;
		break;
	case SAID_DELETED:
		l->said_deleted = true;
		keep(l, line);
		break;
	case SAID_OFFLINE:
		keep(l, line);
		/* what a job does is more than what its Listener does */
		if (!job_running(s))
			supervisor_say(s, EV_CONNECT_ERROR, line);
		break;
	case SAID_ONLINE:
		/* before it listens there is another line for that */
		l->said[0] = '\0';
		if (l->listening_ns && !job_running(s))
			supervisor_say(s, EV_LISTENING, NULL);
		break;
	case SAID_ERROR:
		keep(l, line);
		break;
	case SAID_NOTHING:
		break;
	}
}

static void on_retry(void *arg)
{
	(void)arg; /* supervisor_decide() sees that the timer is not set */
}

static void on_patience(void *arg)
{
	struct supervisor *s = arg;

	log_warn("the Listener did not end when asked to; it is killed");
	listener_kill(s);
}

void listener_init(struct supervisor *s)
{
	s->listener = (struct listener){
		.retry = {.fire = on_retry, .arg = s},
		.patience = {.fire = on_patience, .arg = s},
	};
}

static int spawn(struct supervisor *s, int output, char *const *env,
	struct dr_err *err)
{
	auto_free char *root = NULL, *path = NULL;
	char *argv[] = {NULL, (char *)"run", NULL};
	struct proc_spec spec = {
		.argv = argv,
		.envp = env,
		.fds = {-1, output, output},
		.new_session = 1,
		.death_signal = SIGKILL,
		.prepare = confine_child,
	};

	if (asprintf(&root, "%s/" SLOT_ROOT, s->slot) < 0 ||
		asprintf(&path, "%s/bin/Runner.Listener", root) < 0)
		return dr_err_oom(err);
	spec.cwd = root;
	spec.path = argv[0] = path;
	return proc_spawn(&spec, &s->listener.pid, err);
}

int listener_start(struct supervisor *s, struct dr_err *err)
{
	struct listener *l = &s->listener;
	auto_strv char **env = environment_listener(&s->spec, s->slot);
	auto_close int output = -1;

	if (!env)
		return dr_err_oom(err);
	if (outlog_open(&l->out, &s->loop, s->slot_fd, SLOT_LOG_LISTENER,
		    &output, err) < 0 ||
		spawn(s, output, env, err) < 0) {
		outlog_close(&l->out);
		l->pid = 0;
		return -1;
	}
	l->out.on_line = on_line;
	l->out.arg = s;
	l->listening_ns = 0;
	l->asked = l->said_deleted = l->conflict = false;
	l->said[0] = '\0';
	events_emit(&s->events,
		&(struct slot_event){
			.type = EV_LISTENER_STARTED, .pid = l->pid});
	return 0;
}

void listener_ask(struct supervisor *s)
{
	struct listener *l = &s->listener;

	if (l->pid <= 0 || l->asked)
		return;
	l->asked = true;
	kill(l->pid, SIGINT);
}

void listener_limit(struct supervisor *s, uint64_t ms)
{
	struct listener *l = &s->listener;

	if (l->pid > 0 && l->asked && !l->patience.set)
		loop_timer_set(&s->loop, &l->patience, ms);
}

void listener_kill(struct supervisor *s)
{
	if (s->listener.pid > 0)
		kill(s->listener.pid, SIGKILL);
}

/* Decides on the next start; returns its pause, or -1. */
static int64_t after(struct supervisor *s, enum listener_fate fate)
{
	struct listener *l = &s->listener;
	uint64_t now = clock_mono_ns(), pause = 0;

	if (l->listening_ns &&
		now - l->listening_ns > LISTENER_SOUND_MS * 1000000ull)
		l->failures = 0;
	if (fate == FATE_RESTART)
		pause = listener_backoff_ms(++l->failures);
	else if (fate == FATE_RESTART_SOON)
		pause = listener_backoff_ms(1);
	if (fate == FATE_ENDED || fate == FATE_DEREGISTERED ||
		supervisor_want(s) != SLOT_RUN)
		return -1;
	loop_timer_set(&s->loop, &l->retry, pause);
	return (int64_t)pause;
}

static void ended(struct supervisor *s, int status)
{
	struct listener *l = &s->listener;
	char reason[768];
	struct listener_end end = {.status = status, .asked = l->asked};
	enum listener_fate fate;

	/* what it said last came before its death */
	outlog_close(&l->out);
	loop_timer_cancel(&s->loop, &l->patience);
	l->pid = 0;
	end.registered = registration_present(s);
	end.said_deleted = l->said_deleted;
	fate = listener_rule(&end, l->said, reason, sizeof(reason));
	if (fate == FATE_DEREGISTERED) {
		l->deregistered = true;
		supervisor_say(s, EV_DEREGISTERED, reason);
	}
	events_emit(&s->events,
		&(struct slot_event){.type = EV_LISTENER_EXITED,
			.code = listener_code(status),
			.reason = reason,
			.retry_ms = after(s, fate)});
	/* its death alone leaves the Worker running */
	job_kill(s);
}

void listener_reap(struct supervisor *s)
{
	int status;

	if (s->listener.pid > 0 &&
		waitpid(s->listener.pid, &status, WNOHANG) == s->listener.pid)
		ended(s, status);
}
