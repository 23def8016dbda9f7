/* The GitHub token: from where it is kept to a buffer that is cleared. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/proc.h"
#include "util/strv.h"

#define TOKEN_MAX 4096
#define GH_TIMEOUT_MS 10000

/* Variables that hold tokens for us or for gh */
static const char *const secret_variables[] = {"GITHUB_TOKEN", "GH_TOKEN",
	"GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN"};

/* Also overwrites the text: unsetenv(3) only forgets where it is. */
static void forget_variable(const char *name)
{
	char *value = getenv(name);

	if (value)
		explicit_bzero(value, strlen(value));
	unsetenv(name);
}

/* One line of what a header can carry; what is around it is cut off. */
static int take(const struct dr_buf *from, const char *where,
	struct dr_buf *token, struct dr_err *err)
{
	const char *text = from->data;
	size_t len = from->len;

	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (len == 0)
		return dr_err_set(err, DR_AUTH, "%s is empty", where);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return dr_err_set(err, DR_AUTH,
				"%s: expected one line with the token and "
				"nothing else",
				where);
	if (dr_buf_add(token, text, len) < 0)
		return dr_err_oom(err);
	return 0;
}

static int check_token_file(const char *path, const struct stat *st,
	struct dr_err *err)
{
	if (!S_ISREG(st->st_mode))
		return dr_err_set(err, DR_AUTH,
			"token file %s is not a regular file", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return dr_err_set(err, DR_AUTH,
			"token file %s belongs to another user (%u): run "
			"'chown %u %s'",
			path, (unsigned)st->st_uid, (unsigned)geteuid(), path);
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return dr_err_set(err, DR_AUTH,
			"token file %s is open to others (mode %04o): run "
			"'chmod 600 %s'",
			path, st->st_mode & 07777u, path);
	return 0;
}

static int from_file(const char *path, struct dr_buf *token, struct dr_err *err)
{
	/* a FIFO is to be refused, not waited for */
	auto_close int fd = open(path,
		O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	auto_buf struct dr_buf text;
	char raw[TOKEN_MAX + 2];
	struct stat st;
	ssize_t n;

	dr_buf_init(&text, sizeof(raw));
	if (fd < 0 || fstat(fd, &st) < 0)
		return dr_err_errno(err, DR_AUTH, "token file %s", path);
	if (check_token_file(path, &st, err) < 0)
		return -1;
	n = fs_read_full(fd, raw, sizeof(raw));
	if (n > 0)
		dr_buf_add(&text, raw, (size_t)n);
	explicit_bzero(raw, sizeof(raw));
	if (n < 0)
		return dr_err_errno(err, DR_AUTH, "token file %s", path);
	if (n > TOKEN_MAX)
		return dr_err_set(err, DR_AUTH,
			"token file %s is too long for a token", path);
	if (take(&text, path, token, err) < 0)
		return dr_err_prefix(err, "token file");
	return 0;
}

static int from_env(const char *name, struct dr_buf *token, struct dr_err *err)
{
	const char *value = getenv(name);
	auto_buf struct dr_buf text;
	char where[300];

	dr_buf_init(&text, TOKEN_MAX);
	snprintf(where, sizeof(where), "environment variable %.256s", name);
	if (!value)
		return dr_err_set(err, DR_AUTH, "%s is not set", where);
	if (dr_buf_addstr(&text, value) < 0)
		return dr_err_set(err, DR_AUTH, "%s is too long for a token",
			where);
	return take(&text, where, token, err);
}

/* What gh needs to find its configuration and the desktop's keyring. */
static char **gh_environment(void)
{
	static const char *const allowed[] = {"HOME", "PATH", "LANG",
		"GH_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
		"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "GH_TOKEN",
		"GH_ENTERPRISE_TOKEN", NULL};
	char **env = proc_env_allowed(allowed);

	if (env && strv_add(&env, "GH_NO_UPDATE_NOTIFIER=1") == 0 &&
		strv_add(&env, "GH_PROMPT_DISABLED=1") == 0)
		return env;
	strv_free(env);
	return NULL;
}

static int gh_failed(const char *host, struct dr_buf *said, int status,
	struct dr_err *err)
{
	said->data[strcspn(said->data, "\r\n")] = '\0';
	return dr_err_set(err, DR_AUTH,
		"'gh auth token --hostname %s' failed (%s %d): %.200s", host,
		WIFEXITED(status) ? "status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
		*said->data ? said->data : "it said nothing");
}

static int from_gh(const char *gh, const char *host, struct dr_buf *token,
	struct dr_err *err)
{
	const char *const argv[] = {
		"gh", "auth", "token", "--hostname", host, NULL};
	auto_strv char **env = gh_environment();
	struct proc_spec spec = {
		.path = gh,
		.argv = (char *const *)argv, /* as execve(2) has it */
		.envp = env,
		.fds = {-1, -1, -1},
	};
	auto_buf struct dr_buf said;
	int status = 0;

	dr_buf_init(&said, TOKEN_MAX);
	if (!env)
		return dr_err_oom(err);
	if (proc_run(&spec, GH_TIMEOUT_MS, &said, &status, err) < 0) {
		err->code = DR_AUTH;
		return dr_err_prefix(err, "ask gh for the token");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return gh_failed(host, &said, status, err);
	return take(&said, "what 'gh auth token' printed", token, err);
}

static int find_token(const struct config *config, struct dr_buf *token,
	struct dr_err *err)
{
	const struct config_github *github = &config->github;
	auto_free char *gh = NULL;

	if (github->auth == CONFIG_AUTH_FILE)
		return from_file(github->token_file, token, err);
	if (github->auth == CONFIG_AUTH_ENV)
		return from_env(github->token_env, token, err);
	if (github->auth == CONFIG_AUTH_DEFAULT && getenv("GITHUB_TOKEN"))
		return from_env("GITHUB_TOKEN", token, err);
	gh = proc_find("gh");
	if (gh)
		return from_gh(gh, github->host, token, err);
	if (github->auth == CONFIG_AUTH_GH)
		return dr_err_set(err, DR_AUTH,
			"github.auth.gh: the program gh is not installed");
	return dr_err_set(err, DR_AUTH,
		"no token for %s: set GITHUB_TOKEN, install gh and run 'gh auth "
		"login', or name a file with github.auth.token_file",
		github->host);
}

int config_token(const struct config *config, struct dr_buf *token,
	struct dr_err *err)
{
	int rc = find_token(config, token, err);

	for (size_t i = 0; i < ARRAY_SIZE(secret_variables); i++)
		forget_variable(secret_variables[i]);
	if (config->github.auth == CONFIG_AUTH_ENV)
		forget_variable(config->github.token_env);
	return rc;
}
