/* "deskrun-init supervise": how a supervisor comes up, and its loop. */
#include "init/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/init.h"
#include "init/sealed.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/strv.h"

#define HEARTBEAT_MS 60000

struct options {
	const char *slot;
	int ready_fd; /* -1: nobody asks */
	bool events_to_stdout;
};

static const char usage[] =
	"usage: deskrun-init supervise --slot DIR [--ready-fd N] "
	"[--events-to-stdout]\n";

static int parse_options(int argc, char **argv, struct options *o)
{
	*o = (struct options){.ready_fd = -1};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--slot") == 0 && value) {
			o->slot = argv[++i];
		} else if (strcmp(argv[i], "--ready-fd") == 0 && value &&
			*value >= '0' && *value <= '9') {
			o->ready_fd = atoi(argv[++i]);
		} else if (strcmp(argv[i], "--events-to-stdout") == 0) {
			o->events_to_stdout = true;
		} else {
			return -1;
		}
	}
	/* one descriptor cannot be both */
	return o->slot && !(o->events_to_stdout && o->ready_fd == 1) ? 0 : -1;
}

/* Before anything else: a signal that comes early is not lost. */
static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* a shim or hook that is gone must not take us with it */
	signal(SIGPIPE, SIG_IGN);
	/* the starter may have left it ignored: then nobody could be reaped */
	signal(SIGCHLD, SIG_DFL);
}

/* Whoever started us reads one line, and must not wait for our end. */
static void tell_starter(struct options *o, const char *text)
{
	auto_close int null = -1;

	if (o->ready_fd < 0)
		return;
	if (dprintf(o->ready_fd, "%s\n", text) < 0)
		log_debug("tell the starter: %s", strerror(errno));
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (o->ready_fd > 2)
		close(o->ready_fd);
	else if (null >= 0)
		dup2(null, o->ready_fd);
	o->ready_fd = -1;
}

/* Signals */

/* As a container's process 1 we inherit what nobody else waits for. */
static void reap_orphans(struct supervisor *s)
{
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
			info.si_pid == 0)
			return;
		/* waited for elsewhere; if it died just now, soon */
		if ((job_running(s) && info.si_pid == s->job.world.pid) ||
			info.si_pid == s->wipes.janitor.pid ||
			info.si_pid == s->listener.pid ||
			info.si_pid == s->registration.pid)
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void on_signal(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		registration_reap(s);
		listener_reap(s);
		reap_orphans(s);
		break;
	case SIGTERM:
	case SIGINT:
		s->forced = s->forced >= SLOT_STOP ? SLOT_NOW : SLOT_STOP;
		break;
	}
}

static int open_signals(struct supervisor *s, struct dr_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	s->signals = (struct loop_source){
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.ready = on_signal,
		.arg = s,
	};
	if (s->signals.fd < 0)
		return dr_err_errno(err, DR_FAILED, "signalfd");
	return loop_add(&s->loop, &s->signals, EPOLLIN, err);
}

/* What is desired */

static void read_desired(struct supervisor *s)
{
	struct slot_desired found = {.want = SLOT_RUN};
	auto_buf struct dr_buf text;
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(&text, SLOT_FILE_MAX);
	if (fs_read_beneath(s->slot_fd, SLOT_DESIRED, &text, &err) < 0) {
		/* absent: as it was */
		if (err.code != DR_NOT_FOUND)
			log_error("%s", err.msg);
		return;
	}
	if (slot_desired_parse(text.data, text.len, &found, &err) < 0) {
		log_error("%s", err.msg);
		return;
	}
	if (found.want == s->desired.want &&
		found.generation == s->desired.generation)
		return;
	s->desired = found;
	s->events.generation = found.generation;
	/* whoever wrote it sees that it was read */
	if (s->events.seq > 0)
		supervisor_say(s, EV_HEARTBEAT, NULL);
}

static void on_change(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	char buffer[4096];

	(void)events;
	/* which file it was does not matter: all is looked at again */
	while (read(s->watch.fd, buffer, sizeof(buffer)) > 0)
		;
	read_desired(s);
}

static int open_watch(struct supervisor *s, struct dr_err *err)
{
	s->watch = (struct loop_source){
		.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
		.ready = on_change,
		.arg = s,
	};
	if (s->watch.fd < 0 ||
		inotify_add_watch(s->watch.fd, s->slot,
			IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return dr_err_errno(err, DR_FAILED, "watch %s", s->slot);
	return loop_add(&s->loop, &s->watch, EPOLLIN, err);
}

static void on_heartbeat(void *arg)
{
	struct supervisor *s = arg;

	supervisor_say(s, EV_HEARTBEAT, NULL);
	loop_timer_set(&s->loop, &s->heartbeat, HEARTBEAT_MS);
}

/* Coming up */

static int open_slot(struct supervisor *s, const char *path, struct dr_err *err)
{
	char holder[64];

	s->slot = realpath(path, NULL);
	if (!s->slot)
		return dr_err_errno(err, DR_FAILED, "slot %s", path);
	s->slot_fd = open(s->slot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->slot_fd < 0)
		return dr_err_errno(err, DR_FAILED, "open %s", s->slot);
	snprintf(holder, sizeof(holder), "%d deskrun-init\n", (int)getpid());
	s->lock_fd = fs_lock(s->slot_fd, SLOT_LOCK, holder, err);
	return s->lock_fd < 0 ? -1 : 0;
}

static int make_dirs(struct supervisor *s, struct dr_err *err)
{
	static const char *const dirs[] = {SLOT_STATE, SLOT_STATE "/upper",
		SLOT_STATE "/work", SLOT_ROOT, SLOT_LOGS, SLOT_LOG_JOBS};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(s->slot_fd, dirs[i], 0700) < 0 && errno != EEXIST)
			return dr_err_errno(err, DR_FAILED, "create %s/%s",
				s->slot, dirs[i]);
	return 0;
}

static int read_spec(struct supervisor *s, struct dr_err *err)
{
	auto_buf struct dr_buf text;

	dr_buf_init(&text, SLOT_FILE_MAX);
	if (fs_read_beneath(s->slot_fd, SLOT_SPEC, &text, err) < 0)
		return -1;
	return slot_spec_parse(text.data, text.len, &s->spec, err);
}

/* What an earlier supervisor left: it was killed. */
static int recover(struct supervisor *s, struct dr_err *err)
{
	auto_strv char **names = ground_leftovers(s->ground);

	if (!names)
		return dr_err_oom(err);
	for (char **name = names; *name; name++) {
		struct wipe wipe = {.kind = WIPE_RECOVERED};

		snprintf(wipe.world.name, sizeof(wipe.world.name), "%s", *name);
		wipes_add(s, &wipe);
	}
	return 0;
}

/* From the first event on, a failure is one too: EV_FATAL. */
static int come_up(struct supervisor *s, struct dr_err *err)
{
	if (read_spec(s, err) < 0 || make_dirs(s, err) < 0)
		return -1;
	s->ground = ground_open(&s->spec, s->slot_fd, err);
	if (!s->ground)
		return -1;
	read_desired(s);
	events_emit(&s->events,
		&(struct slot_event){.type = EV_STARTED,
			.pid = getpid(),
			.isolation = "world",
			.notes = ground_notes(s->ground)});
	if (open_signals(s, err) < 0 || shims_open(s, err) < 0 ||
		wipes_open(s, err) < 0 || open_watch(s, err) < 0 ||
		recover(s, err) < 0)
		return -1;
	registration_announce(s);
	s->heartbeat.fire = on_heartbeat;
	s->heartbeat.arg = s;
	loop_timer_set(&s->loop, &s->heartbeat, HEARTBEAT_MS);
	/* what came between the first look and the watch */
	read_desired(s);
	return 0;
}

static int run(struct supervisor *s, struct dr_err *err)
{
	supervisor_decide(s);
	while (!s->done) {
		if (loop_turn(&s->loop, err) < 0)
			return -1;
		supervisor_decide(s);
	}
	return 0;
}

static int fail(struct supervisor *s, struct options *o,
	const struct dr_err *err)
{
	char line[sizeof(err->msg) + 16];

	log_error("%s", err->msg);
	if (s->events.epoch > 0)
		supervisor_say(s, EV_FATAL, err->msg);
	snprintf(line, sizeof(line), "error: %s", err->msg);
	tell_starter(o, line);
	return 1;
}

static int supervise(struct supervisor *s, struct options *o)
{
	struct dr_err err = DR_ERR_INIT;

	if (loop_init(&s->loop, &err) < 0 || open_slot(s, o->slot, &err) < 0 ||
		events_open(&s->events, s->slot_fd, &err) < 0)
		return fail(s, o, &err);
	if (o->events_to_stdout)
		events_copy(&s->events, STDOUT_FILENO);
	if (come_up(s, &err) < 0)
		return fail(s, o, &err);
	tell_starter(o, "ready");
	if (run(s, &err) < 0)
		return fail(s, o, &err);
	return s->status;
}

/* No descriptor is open, so that clear() may come after any failure. */
static void init(struct supervisor *s)
{
	*s = (struct supervisor){.slot_fd = -1, .lock_fd = -1};
	s->loop.epoll_fd = s->loop.clock.fd = -1;
	s->signals.fd = s->watch.fd = s->listening.fd = -1;
	s->events.file.fd = s->events.copy_fd = -1;
	s->wipes.receipts.fd = s->wipes.report.fd = -1;
	s->hook_listen.fd = -1;
	for (size_t i = 0; i < SHIMS_MAX; i++)
		s->shims[i].source.fd = -1;
	for (size_t i = 0; i < HOOKS_MAX; i++)
		s->hooks[i].source.fd = -1;
	supervisor_init(s);
	listener_init(s);
	registration_init(s);
	gate_init(s);
	job_init(s);
}

static void clear(struct supervisor *s)
{
	shims_close(s);
	wipes_close(s);
	if (s->ground)
		ground_free(s->ground);
	events_close(&s->events);
	loop_close(&s->loop, &s->signals);
	loop_close(&s->loop, &s->watch);
	slot_spec_clear(&s->spec);
	free(s->slot);
	loop_clear(&s->loop);
	/* last: until then nobody else may begin */
	cleanup_close(&s->slot_fd);
	cleanup_close(&s->lock_fd);
}

/* argv as main() hands it on: the subcommand first */
static void seal(char **argv, struct dr_err *err)
{
	auto_strv char **whole = NULL;

	if (strv_add(&whole, "deskrun-init") < 0) {
		dr_err_oom(err);
		return;
	}
	for (; *argv; argv++) {
		if (strv_add(&whole, *argv) == 0)
			continue;
		dr_err_oom(err);
		return;
	}
	sealed_exec(whole, err);
}

int supervise_main(int argc, char **argv)
{
	static struct supervisor s;
	struct dr_err err = DR_ERR_INIT;
	struct options o;
	int status;

	block_signals();
	if (parse_options(argc, argv, &o) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	log_init("deskrun-init", LOG_NORMAL);
	if (!sealed_already()) {
		seal(argv, &err);
		log_warn("%s; a privileged job can write to /proc/1/exe",
			err.msg);
	}
	if (o.ready_fd > 2)
		fcntl(o.ready_fd, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, "deskrun-init");
	prctl(PR_SET_DUMPABLE, 0);
	umask(022);
	init(&s);
	status = supervise(&s, &o);
	clear(&s);
	return status;
}
