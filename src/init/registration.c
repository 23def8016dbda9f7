#include "init/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/environment.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/strv.h"

#define RUNNER_FILE SLOT_STATE "/upper/.runner"
/* Three tries of each call, some of them with long pauses */
#define CONFIG_MS 300000
#define TOKEN_MAX 512

bool registration_present(const struct supervisor *s)
{
	return faccessat(s->slot_fd, RUNNER_FILE, F_OK, 0) == 0;
}

static void write_file(struct supervisor *s,
	const struct slot_registration *found)
{
	auto_buf struct dr_buf text;
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(&text, SLOT_FILE_MAX);
	if (slot_registration_write(found, &text) < 0)
		dr_err_oom(&err);
	else if (fs_write_atomic(s->slot_fd, SLOT_REGISTRATION, text.data,
			 text.len, 0600, &err) == 0)
		return;
	log_error("%s", err.msg);
}

void registration_announce(struct supervisor *s)
{
	struct slot_registration found = {0};
	auto_buf struct dr_buf text;
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(&text, SLOT_FILE_MAX);
	if (!registration_present(s))
		return;
	if (fs_read_beneath(s->slot_fd, RUNNER_FILE, &text, &err) < 0 ||
		slot_runner_file_parse(text.data, text.len, &found, &err) < 0) {
		log_error("%s", err.msg);
		return;
	}
	/* the reader of the event finds the file */
	write_file(s, &found);
	events_emit(&s->events,
		&(struct slot_event){.type = EV_REGISTERED, .id = found.id});
	slot_registration_clear(&found);
}

static void forget_token(struct supervisor *s)
{
	struct registration *r = &s->registration;

	if (r->token)
		explicit_bzero(r->token, strlen(r->token));
	free(r->token);
	r->token = NULL;
}

/* The last line that says what went wrong, or else the last line. */
static void on_line(void *arg, const char *line)
{
	static const char *const words[] = {
		"rror",
		"Failed",
		"failed",
		"Must not",
		"already",
		"exists",
		"Not found",
		"NotFound",
		"Invalid",
		"denied",
		"Cannot",
		"could not",
		"status code",
	};
	struct supervisor *s = arg;
	struct registration *r = &s->registration;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strstr(line, words[i]))
			continue;
		snprintf(r->reason, sizeof(r->reason), "%s", line);
		return;
	}
}

static void on_patience(void *arg)
{
	struct supervisor *s = arg;

	snprintf(s->registration.reason, sizeof(s->registration.reason),
		"config.sh did not end within %d s", CONFIG_MS / 1000);
	registration_kill(s);
}

void registration_init(struct supervisor *s)
{
	s->registration = (struct registration){
		.patience = {.fire = on_patience, .arg = s},
	};
}

/* Reads the token and removes its file; 1 when there is none. */
static int take_token(struct supervisor *s, struct dr_err *err)
{
	auto_buf struct dr_buf text;

	dr_buf_init(&text, TOKEN_MAX);
	if (fs_read_beneath(s->slot_fd, SLOT_TOKEN, &text, err) < 0) {
		if (err->code == DR_NOT_FOUND)
			return 1;
		unlinkat(s->slot_fd, SLOT_TOKEN, 0);
		return -1;
	}
	unlinkat(s->slot_fd, SLOT_TOKEN, 0);
	text.data[strcspn(text.data, "\r\n")] = '\0';
	if (text.len == 0 || !*text.data)
		return dr_err_set(err, DR_FAILED, SLOT_TOKEN " is empty");
	s->registration.token = strdup(text.data);
	return s->registration.token ? 0 : dr_err_oom(err);
}

static char **config_argv(const struct slot_spec *spec)
{
	char **argv = NULL;
	auto_free char *labels = strdup("");

	for (char **l = spec->labels; labels && *l; l++) {
		char *longer;

		if (asprintf(&longer, "%s%s%s", labels, *labels ? "," : "",
			    *l) < 0)
			return NULL;
		free(labels);
		labels = longer;
	}
	if (labels && strv_add(&argv, "./config.sh") == 0 &&
		strv_add(&argv, "--unattended") == 0 &&
		strv_add(&argv, "--url") == 0 &&
		strv_add(&argv, spec->url) == 0 &&
		strv_add(&argv, "--name") == 0 &&
		strv_add(&argv, spec->runner) == 0 &&
		(!*labels ||
			(strv_add(&argv, "--labels") == 0 &&
				strv_add(&argv, labels) == 0)) &&
		(!spec->group ||
			(strv_add(&argv, "--runnergroup") == 0 &&
				strv_add(&argv, spec->group) == 0)) &&
		strv_add(&argv, "--work") == 0 &&
		strv_add(&argv, "_work") == 0 &&
		strv_add(&argv, "--disableupdate") == 0)
		return argv;
	strv_free(argv);
	return NULL;
}

static int spawn(struct supervisor *s, int output, struct dr_err *err)
{
	struct registration *r = &s->registration;
	auto_strv char **env = environment_config(&s->spec, s->slot, r->token);
	auto_strv char **argv = config_argv(&s->spec);
	auto_free char *root = NULL, *path = NULL;
	struct proc_spec spec = {
		.argv = argv,
		.envp = env,
		.fds = {-1, output, output},
		.new_session = 1,
		.death_signal = SIGKILL,
		.prepare = confine_child,
	};

	if (!env || !argv || asprintf(&root, "%s/" SLOT_ROOT, s->slot) < 0 ||
		asprintf(&path, "%s/config.sh", root) < 0)
		return dr_err_oom(err);
	spec.cwd = root;
	spec.path = path;
	return proc_spawn(&spec, &r->pid, err);
}

static int start(struct supervisor *s, struct dr_err *err)
{
	struct registration *r = &s->registration;
	auto_close int output = -1;

	r->reason[0] = '\0';
	if (outlog_open(&r->out, &s->loop, s->slot_fd, SLOT_LOG_CONFIG, &output,
		    err) < 0 ||
		spawn(s, output, err) < 0) {
		outlog_close(&r->out);
		r->pid = 0;
		return -1;
	}
	r->out.secret = r->token;
	r->out.on_line = on_line;
	r->out.arg = s;
	loop_timer_set(&s->loop, &r->patience, CONFIG_MS);
	return 0;
}

void registration_try(struct supervisor *s)
{
	struct registration *r = &s->registration;
	struct dr_err err = DR_ERR_INIT;
	int rc;

	if (r->pid > 0)
		return;
	rc = take_token(s, &err);
	if (rc > 0) {
		if (!r->announced)
			supervisor_say(s, EV_UNREGISTERED, NULL);
		r->announced = true;
		return;
	}
	r->announced = true;
	if (rc == 0)
		supervisor_say(s, EV_REGISTERING, NULL);
	if (rc == 0 && start(s, &err) == 0)
		return;
	forget_token(s);
	supervisor_say(s, EV_REGISTRATION_FAILED, err.msg);
}

/* With all that config.sh has started: it leads a session. */
void registration_kill(struct supervisor *s)
{
	if (s->registration.pid > 0)
		kill(-s->registration.pid, SIGKILL);
}

void registration_reap(struct supervisor *s)
{
	struct registration *r = &s->registration;
	int status;

	if (r->pid <= 0 || waitpid(r->pid, &status, WNOHANG) != r->pid)
		return;
	r->pid = 0;
	loop_timer_cancel(&s->loop, &r->patience);
	outlog_close(&r->out);
	forget_token(s);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
		registration_present(s)) {
		registration_announce(s);
		return;
	}
	if (!r->reason[0])
		snprintf(r->reason, sizeof(r->reason),
			"config.sh ended with code %d; see " SLOT_LOG_CONFIG,
			listener_code(status));
	supervisor_say(s, EV_REGISTRATION_FAILED, r->reason);
}
