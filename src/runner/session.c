#include "runner/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/digest.h"
#include "util/cleanup.h"

#define INIT_NAME "deskrun-init"

/* Beside this program, as in a build directory; else where it is installed. */
static char *find_init(struct dr_err *err)
{
	char self[PATH_MAX];
	auto_free char *beside = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		if (asprintf(&beside, "%s/" INIT_NAME, self) < 0) {
			dr_err_oom(err);
			return NULL;
		}
		if (access(beside, X_OK) == 0)
			return steal_ptr(&beside);
	}
	if (access(DESKRUN_LIBEXECDIR "/" INIT_NAME, X_OK) == 0)
		return strdup(DESKRUN_LIBEXECDIR "/" INIT_NAME);
	dr_err_set(err, DR_ENGINE,
		INIT_NAME " is neither in %s nor in " DESKRUN_LIBEXECDIR
			  "; install deskrun-runner anew",
		self);
	return NULL;
}

static int open_engine(struct session *s, struct dr_err *err)
{
	char digest[DIGEST_HEX_SIZE] = "";
	auto_close int fd = -1;

	if (s->home.lock >= 0) {
		s->init = find_init(err);
		if (!s->init)
			return -1;
		fd = open(s->init, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return dr_err_errno(err, DR_ENGINE, "open %s", s->init);
		if (digest_file(fd, s->init, digest, err) < 0)
			return -1;
	}
	s->engine = engine_host_new(s->config->data, s->init ? s->init : "",
		digest, err);
	return s->engine ? 0 : -1;
}

static int open_home(struct session *s, const char *command, struct dr_err *err)
{
	struct dr_err why = DR_ERR_INIT;

	if (command)
		return home_open(s->config->data, command, &s->home, err);
	if (home_look(s->config->data, &s->home, &why) == 0 ||
		why.code == DR_NOT_FOUND)
		return 0;
	*err = why;
	return -1;
}

int session_open(const struct config *config, const char *command,
	char *const *wanted, struct session *session, struct dr_err *err)
{
	*session = (struct session)SESSION_INIT;
	session->config = config;
	if (geteuid() != 0)
		return dr_err_set(err, DR_ENGINE,
			"engine host needs root: "
			"worlds are made of mounts and namespaces; run it with "
			"sudo");
	if (open_home(session, command, err) < 0 ||
		(session->home.fd >= 0 && open_engine(session, err) < 0) ||
		roster_make(config, session->engine, wanted, &session->roster,
			err) < 0) {
		session_close(session);
		return -1;
	}
	return 0;
}

void session_close(struct session *session)
{
	roster_clear(&session->roster);
	engine_host_free(session->engine);
	free(session->init);
	home_close(&session->home);
	*session = (struct session)SESSION_INIT;
}
