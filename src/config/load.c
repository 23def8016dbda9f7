/* Where the configuration is looked for, and what surrounds it. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/paths.h"
#include "util/cleanup.h"
#include "util/fs.h"

#define FILE_MAX (1024 * 1024)

/* A name for {host}, so long that pool and number fit behind it */
#define HOST_MAX 40

struct surroundings {
	char *cwd;
	char *home; /* NULL: unknown */
	char *file; /* absolute path of the configuration */
	char *dir;
	char *data; /* NULL: the schema's default */
	char host[HOST_MAX + 1];
};

static void surroundings_clear(struct surroundings *s)
{
	free(s->cwd);
	free(s->home);
	free(s->file);
	free(s->dir);
	free(s->data);
}

/* Of a variable that has an absolute path, or NULL; see the XDG base
 * directory specification: what is relative is to be ignored. */
static const char *absolute_variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value == '/' ? value : NULL;
}

static char *home_directory(void)
{
	const char *home = absolute_variable("HOME");
	const struct passwd *pw = home ? NULL : getpwuid(geteuid());

	if (pw && pw->pw_dir[0] == '/')
		home = pw->pw_dir;
	return home ? strdup(home) : NULL;
}

/* $NAME/deskrun…, or below home; NULL when neither is known */
static char *xdg_path(const char *name, const char *home, const char *below,
	const char *rest)
{
	const char *base = absolute_variable(name);
	char *out;
	int n;

	if (!base && !home)
		return NULL;
	n = base ? asprintf(&out, "%s/%s", base, rest)
		 : asprintf(&out, "%s/%s/%s", home, below, rest);
	return n < 0 ? NULL : out;
}

/* The machine's name up to its first dot, as part of runners' names. */
static void host_name(char out[HOST_MAX + 1])
{
	size_t len;

	if (gethostname(out, HOST_MAX + 1) < 0)
		out[0] = '\0';
	out[HOST_MAX] = '\0';
	out[strcspn(out, ".")] = '\0';
	len = strlen(out);
	for (size_t i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
			    "XYZ0123456789_-",
			    out[i]) ||
			(i == 0 && out[i] == '-'))
			out[i] = '_';
	if (len == 0)
		strcpy(out, "host");
}

/*
 * Whoever may write the file decides where the token goes. One that was only
 * found must not be a trap in a directory of somebody else (sudo in /tmp).
 */
static int check_owner(const char *file, const struct stat *st,
	struct dr_err *err)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_UID") : NULL;
	bool ours = st->st_uid == 0 || st->st_uid == geteuid() ||
		(sudo && *sudo && strtoul(sudo, NULL, 10) == st->st_uid);

	if (!ours)
		return dr_err_set(err, DR_CONFIG,
			"%s belongs to another user (%u); name it with "
			"--config if it is to be trusted",
			file, (unsigned)st->st_uid);
	if (st->st_mode & S_IWOTH)
		return dr_err_set(err, DR_CONFIG,
			"%s can be written by everybody: run 'chmod o-w %s'",
			file, file);
	return 0;
}

/* DR_NOT_FOUND when absent; named: the user chose it. */
static int read_file(const char *file, const char *path, bool named,
	struct dr_buf *text, struct dr_err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	char chunk[16384];
	ssize_t n;

	if (fd < 0)
		return dr_err_errno(err,
			errno == ENOENT || errno == ENOTDIR ? DR_NOT_FOUND
							    : DR_CONFIG,
			"open %s", file);
	if (!named && (fstat(fd, &st) < 0 || check_owner(file, &st, err) < 0))
		return -1;
	while ((n = fs_read_full(fd, chunk, sizeof(chunk))) > 0)
		if (dr_buf_add(text, chunk, (size_t)n) < 0)
			return dr_err_set(err, DR_CONFIG,
				"%s is larger than a configuration may be "
				"(%d bytes)",
				file, FILE_MAX);
	if (n < 0)
		return dr_err_errno(err, DR_CONFIG, "read %s", file);
	return 0;
}

static int parse_file(const char *file, bool named, struct surroundings *s,
	struct config *config, struct config_problems *problems,
	struct dr_err *err)
{
	auto_buf struct dr_buf text;

	dr_buf_init(&text, FILE_MAX);
	free(s->file);
	free(s->dir);
	s->dir = NULL;
	s->file = path_resolve(file, s->cwd, s->home);
	if (!s->file)
		return dr_err_errno(err, DR_CONFIG, "%s", file);
	if (read_file(file, s->file, named, &text, err) < 0)
		return -1;
	s->dir = strndup(s->file, (size_t)(strrchr(s->file, '/') - s->file));
	if (!s->dir)
		return dr_err_oom(err);
	if (config_parse(text.data, text.len,
		    &(struct config_context){
			    .file = file,
			    .dir = s->dir,
			    .home = s->home,
			    .data = s->data,
			    .host = s->host,
		    },
		    config, problems, err) < 0)
		return -1;
	config->file = s->file;
	s->file = NULL;
	return 0;
}

static int search(struct surroundings *s, struct config *config,
	struct config_problems *problems, struct dr_err *err)
{
	auto_free char *user = xdg_path("XDG_CONFIG_HOME", s->home, ".config",
		"deskrun/deskrun.yaml");
	const char *const places[] = {
		"deskrun.yaml", user, "/etc/deskrun/deskrun.yaml"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!places[i])
			continue;
		if (parse_file(places[i], false, s, config, problems, err) == 0)
			return 0;
		if (err->code != DR_NOT_FOUND)
			return -1;
	}
	return dr_err_set(err, DR_CONFIG,
		"no configuration: DESKRUN_CONFIG is not set, and there is no "
		"./deskrun.yaml, %s%s/etc/deskrun/deskrun.yaml; one line is "
		"enough: {version: 1, pools: [{name: desk, target: "
		"OWNER/REPO}]}, see deskrun.yaml(5)",
		user ? user : "", user ? " or " : "or ");
}

static int load(const char *file, struct surroundings *s, struct config *config,
	struct config_problems *problems, struct dr_err *err)
{
	const char *from_env = getenv("DESKRUN_CONFIG");

	s->cwd = getcwd(NULL, 0);
	if (!s->cwd)
		return dr_err_errno(err, DR_CONFIG, "working directory");
	s->home = home_directory();
	if (geteuid() != 0)
		s->data = xdg_path("XDG_DATA_HOME", s->home, ".local/share",
			"deskrun");
	host_name(s->host);
	if (!file && from_env && *from_env)
		file = from_env;
	if (!file)
		return search(s, config, problems, err);
	if (parse_file(file, true, s, config, problems, err) == 0)
		return 0;
	/* what the user named and is not there is a wrong configuration */
	if (err->code == DR_NOT_FOUND)
		err->code = DR_CONFIG;
	return -1;
}

int config_load(const char *file, struct config *config,
	struct config_problems *problems, struct dr_err *err)
{
	struct surroundings s = {0};
	int rc;

	*problems = (struct config_problems){0};
	rc = load(file, &s, config, problems, err);
	surroundings_clear(&s);
	return rc;
}
