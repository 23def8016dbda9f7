/* engine: host. Supervisors are processes of this machine. */
#include "engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host_slot.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/strv.h"

/* A supervisor mounts a few file systems before it says that it is up. */
#define START_TIMEOUT_MS 30000
#define PROBE_TIMEOUT_MS 30000

struct host {
	struct engine base;
	char *data;
	char *init;
	char *digest;
	int slots_fd; /* <data>/slots */
	int inotify;
};

static struct host *host_of(struct engine *e)
{
	return (struct host *)e; /* base is the first member */
}

/* -1 with errno; ENOENT is an absent slot. */
static int open_slot(struct host *h, const char *runner)
{
	return fs_open_beneath(h->slots_fd, runner,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

/* check */

static int run_init(struct host *h, char *const argv[], struct dr_buf *out,
	struct dr_err *err)
{
	struct proc_spec spec = {
		.path = h->init,
		.argv = argv,
		.fds = {-1, -1, -1},
	};
	int status;

	if (proc_run(&spec, PROBE_TIMEOUT_MS, out, &status, err) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int host_check(struct engine *e, struct dr_err *err)
{
	struct host *h = host_of(e);
	auto_buf struct dr_buf out;
	auto_free char *slots = NULL, *scratch = NULL;
	char *argv[] = {(char *)"deskrun-init", (char *)"probe",
		(char *)"--slots", NULL, (char *)"--scratch", NULL, NULL};
	int rc;

	dr_buf_init(&out, SLOT_FILE_MAX);
	if (asprintf(&slots, "%s/slots", h->data) < 0 ||
		asprintf(&scratch, "%s/scratch", h->data) < 0)
		return dr_err_oom(err);
	argv[3] = slots;
	argv[5] = scratch;
	rc = run_init(h, argv, &out, err);
	if (rc < 0)
		return -1;
	log_debug("probe: %.*s", (int)strcspn(out.data, "\n"), out.data);
	if (rc != 0)
		return host_probe_error(out.data, out.len, err);
	return 0;
}

/* list and observe */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int host_list(struct engine *e, char ***runners, struct dr_err *err)
{
	struct host *h = host_of(e);
	auto_strv char **names = strv_dup(NULL);
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	int fd = openat(h->slots_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !(dir = fdopendir(fd)))
		return dr_err_errno(err, DR_ENGINE, "read %s/slots", h->data);
	while (names && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (strv_add(&names, entry->d_name) < 0)
			return dr_err_oom(err);
	}
	if (!names)
		return dr_err_oom(err);
	qsort(names, strv_len(names), sizeof(*names), compare_names);
	*runners = steal_ptr(&names);
	return 0;
}

static int host_observe(struct engine *e, const char *runner,
	struct engine_slot *slot, struct dr_err *err)
{
	struct host *h = host_of(e);
	auto_close int fd = open_slot(h, runner);

	*slot = (struct engine_slot){0};
	if (fd < 0)
		return errno == ENOENT
			? 0
			: dr_err_errno(err, DR_ENGINE, "open slot %s", runner);
	if (host_slot_observe(fd, slot, err) < 0) {
		engine_slot_clear(slot);
		return dr_err_prefix(err, "slot %s", runner);
	}
	return 0;
}

/* start */

static int make_slot(struct host *h, const char *runner, struct dr_err *err)
{
	static const char *const dirs[] = {SLOT_STATE, SLOT_STATE "/upper",
		SLOT_STATE "/work", SLOT_ROOT, SLOT_LOGS, SLOT_LOG_JOBS};
	auto_close int fd = -1;

	if (mkdirat(h->slots_fd, runner, 0700) < 0 && errno != EEXIST)
		return dr_err_errno(err, DR_ENGINE, "create slot %s", runner);
	fd = open_slot(h, runner);
	if (fd < 0)
		return dr_err_errno(err, DR_ENGINE, "open slot %s", runner);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(fd, dirs[i], 0700) < 0 && errno != EEXIST)
			return dr_err_errno(err, DR_ENGINE, "create %s/%s",
				runner, dirs[i]);
	return steal_fd(&fd);
}

/* The supervisor's first line: "ready", or "error: …". */
static int wait_ready(int fd, struct dr_err *err)
{
	char line[1024] = "";
	size_t len = 0;

	while (len < sizeof(line) - 1 && !strchr(line, '\n')) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;
		int rc = poll(&p, 1, START_TIMEOUT_MS);

		if (rc < 0 && errno == EINTR)
			return dr_err_set(err, DR_INTERRUPTED, "interrupted");
		if (rc <= 0)
			return dr_err_set(err, DR_TIMEOUT,
				"the supervisor was not ready within %d s",
				START_TIMEOUT_MS / 1000);
		n = read(fd, line + len, sizeof(line) - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		line[len] = '\0';
	}
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "ready") == 0)
		return 0;
	if (strncmp(line, "error: ", 7) == 0)
		return dr_err_set(err, DR_ENGINE, "%s", line + 7);
	return dr_err_set(err, DR_ENGINE,
		"the supervisor ended without a "
		"word; its log is " SLOT_LOG_INIT);
}

/* Its standard output is the pipe on which it says that it is ready. */
static int spawn(struct host *h, int slot_fd, const char *runner,
	struct dr_err *err)
{
	auto_free char *dir = NULL, *init = NULL;
	char *argv[] = {(char *)"deskrun-init", (char *)"supervise",
		(char *)"--slot", NULL, (char *)"--ready-fd", (char *)"1",
		NULL};
	auto_close int log = -1, ready = -1, told = -1;
	struct proc_spec spec = {.argv = argv, .cwd = "/", .new_session = 1};
	int fds[2];
	pid_t pid;

	if (asprintf(&dir, "%s/slots/%s", h->data, runner) < 0 ||
		asprintf(&init, "%s/init/%.16s/deskrun-init", h->data,
			h->digest) < 0)
		return dr_err_oom(err);
	argv[3] = dir;
	spec.path = init;
	log = openat(slot_fd, SLOT_LOG_INIT,
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return dr_err_errno(err, DR_ENGINE, "open " SLOT_LOG_INIT);
	ready = fds[0];
	told = fds[1];
	spec.fds[0] = -1;
	spec.fds[1] = told;
	spec.fds[2] = log;
	if (proc_spawn(&spec, &pid, err) < 0)
		return -1;
	cleanup_close(&told);
	return wait_ready(ready, err);
}

static int host_start(struct engine *e, const struct slot_spec *spec,
	struct dr_err *err)
{
	struct host *h = host_of(e);
	auto_close int fd = make_slot(h, spec->runner, err);

	if (fd < 0)
		return -1;
	if (fs_mkdir_p(spec->scratch, 0700, err) < 0 ||
		host_slot_write_spec(fd, spec, err) < 0 ||
		host_slot_desire(fd, SLOT_RUN, err) < 0 ||
		spawn(h, fd, spec->runner, err) < 0)
		return dr_err_prefix(err, "start %s", spec->runner);
	return 0;
}

/* desire, give_token, remove */

static int host_desire(struct engine *e, const char *runner,
	enum slot_want want, struct dr_err *err)
{
	auto_close int fd = open_slot(host_of(e), runner);

	if (fd < 0)
		return dr_err_errno(err, DR_ENGINE, "open slot %s", runner);
	if (host_slot_desire(fd, want, err) < 0)
		return dr_err_prefix(err, "slot %s", runner);
	return 0;
}

static int host_give_token(struct engine *e, const char *runner,
	const char *token, struct dr_err *err)
{
	auto_close int fd = open_slot(host_of(e), runner);

	if (fd < 0)
		return dr_err_errno(err, DR_ENGINE, "open slot %s", runner);
	if (host_slot_token(fd, token, err) < 0)
		return dr_err_prefix(err, "slot %s", runner);
	return 0;
}

static int remove_scratch(struct host *h, const char *runner,
	struct dr_err *err)
{
	char path[PATH_MAX];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "%s/scratch", h->data);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return dr_err_errno(err, DR_ENGINE, "open %s", path);
	return fs_remove_tree(fd, runner, NULL, err);
}

static int host_remove(struct engine *e, const char *runner, struct dr_err *err)
{
	struct host *h = host_of(e);
	auto_close int fd = open_slot(h, runner);
	auto_close int lock = -1;
	char holder[64];

	if (fd < 0)
		return errno == ENOENT
			? 0
			: dr_err_errno(err, DR_ENGINE, "open slot %s", runner);
	/* with the lock in hand no supervisor can begin meanwhile */
	snprintf(holder, sizeof(holder), "%d deskrun-runner", (int)getpid());
	lock = fs_lock(fd, SLOT_LOCK, holder, err);
	if (lock < 0 || remove_scratch(h, runner, err) < 0 ||
		host_slot_forget(fd, err) < 0)
		return dr_err_prefix(err, "remove %s", runner);
	return 0;
}

/* wait */

static void watch_slots(struct host *h)
{
	struct dr_err ignored = DR_ERR_INIT;
	auto_strv char **runners = NULL;
	char path[PATH_MAX];

	/* adding a watch that exists changes nothing: inotify_add_watch(2) */
	if (host_list(&h->base, &runners, &ignored) < 0)
		return;
	for (char **r = runners; *r; r++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s/" SLOT_EVENTS,
			h->slots_fd, *r);
		inotify_add_watch(h->inotify, path,
			IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s/" SLOT_LOCK,
			h->slots_fd, *r);
		/* the end of a supervisor closes its lock */
		inotify_add_watch(h->inotify, path, IN_CLOSE_WRITE);
	}
}

static void host_wait(struct engine *e, int timeout_ms)
{
	struct host *h = host_of(e);
	struct pollfd p = {.fd = h->inotify, .events = POLLIN};
	char events[4096];

	watch_slots(h);
	if (poll(&p, 1, timeout_ms) > 0)
		while (read(h->inotify, events, sizeof(events)) > 0)
			;
}

static const struct engine_ops host_ops = {
	.name = "host",
	.check = host_check,
	.list = host_list,
	.observe = host_observe,
	.start = host_start,
	.desire = host_desire,
	.give_token = host_give_token,
	.remove = host_remove,
	.wait = host_wait,
};

static int open_data(struct host *h, struct dr_err *err)
{
	static const char *const dirs[] = {"init", "scratch", "slots"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", h->data, dirs[i]);
		if (fs_mkdir_p(path, 0711, err) < 0)
			return -1;
	}
	h->slots_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	h->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (h->slots_fd < 0 || h->inotify < 0)
		return dr_err_errno(err, DR_ENGINE, "watch %s", path);
	return 0;
}

struct engine *engine_host_new(const char *data, const char *init,
	const char *digest, struct dr_err *err)
{
	struct host *h = calloc(1, sizeof(*h));

	if (!h) {
		dr_err_oom(err);
		return NULL;
	}
	h->base.ops = &host_ops;
	h->slots_fd = h->inotify = -1;
	h->data = strdup(data);
	h->init = strdup(init);
	h->digest = strdup(digest);
	if (!h->data || !h->init || !h->digest)
		dr_err_oom(err);
	else if (open_data(h, err) == 0)
		return &h->base;
	engine_host_free(&h->base);
	return NULL;
}

void engine_host_free(struct engine *e)
{
	struct host *h = e ? host_of(e) : NULL;

	if (!h)
		return;
	cleanup_close(&h->slots_fd);
	cleanup_close(&h->inotify);
	free(h->data);
	free(h->init);
	free(h->digest);
	free(h);
}

char *engine_host_layers(struct engine *e, struct dr_err *err)
{
	struct host *h = host_of(e);
	auto_free char *dir = NULL, *tmp = NULL;
	char *argv[] = {(char *)"deskrun-init", (char *)"install", NULL, NULL};
	auto_buf struct dr_buf out;
	int rc;

	dr_buf_init(&out, SLOT_FILE_MAX);
	if (asprintf(&dir, "%s/init/%.16s", h->data, h->digest) < 0 ||
		asprintf(&tmp, "%s.%d", dir, (int)getpid()) < 0) {
		dr_err_oom(err);
		return NULL;
	}
	if (access(dir, F_OK) == 0)
		return steal_ptr(&dir);
	argv[2] = tmp;
	rc = run_init(h, argv, &out, err);
	if (rc == 0 && rename(tmp, dir) == 0)
		return steal_ptr(&dir);
	if (rc == 0)
		dr_err_errno(err, DR_ENGINE, "rename %s", tmp);
	else if (rc > 0)
		dr_err_set(err, DR_ENGINE, "install deskrun-init: %.*s",
			(int)strcspn(out.data, "\n"), out.data);
	return NULL;
}
