/* src/config: a corpus of good and bad files, the search, the schema. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/paths.h"
#include "config/schema.h"
#include "config/values.h"
#include "scratch.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/strv.h"

#define TEXT_MAX (1024 * 1024)

static const struct config_context surroundings = {
	.file = "f",
	.dir = "/etc/deskrun",
	.home = "/home/u",
	.host = "box",
};

static int parse(const char *text, struct config *config,
	struct config_problems *problems, struct dr_err *err)
{
	return config_parse(text, strlen(text), &surroundings, config, problems,
		err);
}

/* Everything that a file led to, as its comments say it */
static void describe(const char *text, size_t len, struct dr_buf *out)
{
	auto_problems struct config_problems problems = {0};
	auto_config struct config config = {0};
	struct dr_err err = DR_ERR_INIT;
	struct config_value value;
	size_t at = 0;

	if (config_parse(text, len, &surroundings, &config, &problems, &err) <
		0)
		assert_int_equal(err.code, DR_CONFIG);
	for (size_t i = 0; i < problems.n; i++)
		dr_buf_addf(out, "# expect %d:%d: %s\n", problems.v[i].line,
			problems.v[i].column, problems.v[i].text);
	while (config_value_next(&config, &at, &value))
		dr_buf_addf(out, "# expect %s = %s (%d)\n", value.path,
			value.value, value.line);
	for (size_t i = 0; i < config.n_pools; i++)
		for (char **r = config.pools[i].runners; *r; r++)
			dr_buf_addf(out, "# runner %s\n", *r);
	assert_false(out->failed);
}

/* Each line that the file expects was seen; returns how many. */
static size_t check_wanted(const char *name, const char *text, size_t len,
	const char *seen)
{
	const char *end = text + len;
	size_t n = 0;

	for (const char *line = text; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		auto_free char *wanted = NULL;

		eol = eol ? eol + 1 : end;
		wanted = strndup(line, (size_t)(eol - line));
		line = eol;
		if (strncmp(wanted, "# expect", 8) != 0 &&
			strncmp(wanted, "# runner", 8) != 0)
			continue;
		n++;
		if (!strstr(seen, wanted))
			fail_msg("%s: expected\n%s, but saw\n%s", name, wanted,
				seen);
	}
	return n;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int corpus_open(const char *which)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/tests/unit/config/%s",
		srcdir ? srcdir : ".", which);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

/* Runs through a corpus; what is seen may have to be expected, all of it. */
static void check_corpus(const char *which, bool all)
{
	auto_close int fd = corpus_open(which);
	auto_closedir DIR *dir = fdopendir(dup(fd));
	struct dirent *e;
	size_t files = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		auto_buf struct dr_buf text, seen;
		struct dr_err err = DR_ERR_INIT;
		size_t n;

		dr_buf_init(&text, TEXT_MAX);
		dr_buf_init(&seen, TEXT_MAX);
		if (!strstr(e->d_name, ".yaml"))
			continue;
		assert_int_equal(fs_read(fd, e->d_name, &text, &err), 0);
		describe(text.data, text.len, &seen);
		n = check_wanted(e->d_name, text.data, text.len, seen.data);
		if (n == 0 || (all && n != count_lines(seen.data)))
			fail_msg("%s: saw more than expected:\n%s", e->d_name,
				seen.data);
		files++;
	}
	assert_true(files >= 8);
}

static void good_files_mean_what_they_say(void **state)
{
	(void)state;
	check_corpus("good", false);
}

static void bad_files_get_all_their_problems_said(void **state)
{
	(void)state;
	check_corpus("bad", true);
}

static void one_problem_is_the_error_itself(void **state)
{
	auto_problems struct config_problems problems = {0};
	struct config config;
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(parse("version: 1\npools: []\n", &config, &problems,
				 &err),
		-1);
	assert_string_equal(err.msg,
		"f:2:8: pools: found an empty list, "
		"expected a list with at least one pool");
}

static void several_problems_are_counted_and_sorted(void **state)
{
	auto_problems struct config_problems problems = {0};
	struct config config;
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(parse("x: 1\ny: 1\nversion: 3\npools: []\n", &config,
				 &problems, &err),
		-1);
	assert_string_equal(err.msg, "f: 4 problems");
	assert_int_equal(err.code, DR_CONFIG);
	for (size_t i = 0; i < problems.n; i++)
		assert_int_equal(problems.v[i].line, (int)i + 1);
}

static void full_file_fills_the_struct(void **state)
{
	auto_close int fd = corpus_open("good");
	auto_problems struct config_problems problems = {0};
	auto_config struct config c = {0};
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf text;
	const struct config_pool *pool;

	(void)state;
	dr_buf_init(&text, TEXT_MAX);
	assert_int_equal(fs_read(fd, "full.yaml", &text, &err), 0);
	assert_int_equal(parse(text.data, &c, &problems, &err), 0);
	assert_string_equal(c.github.host, "github.example.org:8443");
	assert_int_equal(c.github.auth, CONFIG_AUTH_FILE);
	assert_int_equal(c.engine, CONFIG_ENGINE_HOST);
	assert_int_equal(c.runner_source, CONFIG_SOURCE_TARBALL);
	assert_string_equal(c.runner_version, "2.336.0");
	assert_int_equal(c.n_pools, 2);
	assert_null(config_pool_find(&c, "nobody"));
	pool = config_pool_find(&c, "desk");
	assert_ptr_equal(pool, &c.pools[0]);
	assert_int_equal(pool->target_kind, CONFIG_TARGET_ORGANISATION);
	assert_string_equal(pool->group, "Build machines");
	assert_int_equal(strv_len(pool->labels), 2);
	assert_string_equal(pool->labels[0], "deskrun");
	assert_int_equal(strv_len(pool->runners), 3);
	assert_int_equal(pool->mode, SLOT_MODE_PRIVILEGED);
	assert_int_equal(pool->limits.cpus_milli, 1500);
	assert_int_equal(pool->limits.memory, INT64_C(8) << 30);
	assert_string_equal(strv_env_get(pool->env, "GREETING"),
		"hello: world");
	assert_string_equal(strv_env_get(pool->env, "EMPTY"), "");
	assert_true(pool->allow_public);
	assert_int_equal(c.pools[1].target_kind, CONFIG_TARGET_ENTERPRISE);
}

static void latest_version_is_no_version(void **state)
{
	auto_problems struct config_problems problems = {0};
	auto_config struct config c = {0};
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(parse("version: 1\npools: [{name: x, target: o/r}]\n",
				 &c, &problems, &err),
		0);
	assert_null(c.runner_version);
	assert_null(c.pools[0].group);
	assert_int_equal(strv_len(c.pools[0].labels), 1);
	assert_non_null(c.pools[0].env);
	assert_non_null(c.expose);
	assert_int_equal(c.pools[0].target_kind, CONFIG_TARGET_REPOSITORY);
	assert_int_equal(c.github.auth, CONFIG_AUTH_DEFAULT);
	assert_string_equal(c.github.url, "https://github.com");
	assert_string_equal(c.github.host, "github.com");
}

static void thousand_pools_are_read(void **state)
{
	auto_problems struct config_problems problems = {0};
	auto_config struct config c = {0};
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf text;

	(void)state;
	dr_buf_init(&text, TEXT_MAX);
	dr_buf_addstr(&text, "version: 1\npools:\n");
	for (int i = 0; i < 1000; i++)
		dr_buf_addf(&text,
			"  - {name: p%d, target: o/r, count: 10, labels: [a, "
			"b], limits: {cpus: 1}}\n",
			i);
	assert_int_equal(parse(text.data, &c, &problems, &err), 0);
	assert_int_equal(c.n_pools, 1000);
	assert_string_equal(c.pools[999].runners[9], "box-p999-9");
}

static void defaults_satisfy_their_own_keys(void **state)
{
	struct config config = {0};
	struct config_pool pool = {0};

	(void)state;
	for (size_t i = 0; i < schema_len; i++) {
		const struct schema_key *key = &schema[i];
		bool oom = false;
		void *base = strstr(key->path, "[]") ? (void *)&pool : &config;

		assert_non_null(key->summary);
		if (key->fallback &&
			!value_store(key, key->fallback, &surroundings, base,
				&oom))
			fail_msg("%s: default %s", key->path, key->fallback);
	}
	free(config.github.url);
	free(config.data);
	free(config.runner_version);
	free(pool.runner_name);
	strv_free(pool.labels);
}

static void keys_follow_their_parents_in_the_schema(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_len; i++) {
		const char *dot = strrchr(schema[i].path, '.');
		bool found = !dot;

		for (size_t k = 0; dot && k < i; k++) {
			size_t len = strlen(schema[k].path);

			found |= strncmp(schema[k].path, schema[i].path, len) ==
					0 &&
				(schema[i].path[len] == '.' ||
					strncmp(schema[i].path + len, "[].",
						3) == 0);
		}
		if (!found)
			fail_msg("%s has no parent before it", schema[i].path);
	}
}

static void check_resolved(const char *path, const char *home,
	const char *expected)
{
	auto_free char *got = path_resolve(path, "/a/b", home);

	if (!expected)
		assert_null(got);
	else
		assert_string_equal(got, expected);
}

static void paths_become_absolute(void **state)
{
	(void)state;
	check_resolved("x", "/h", "/a/b/x");
	check_resolved("./x//y/.", "/h", "/a/b/x/y");
	check_resolved("../x", "/h", "/a/b/../x");
	check_resolved("/x/", "/h", "/x");
	check_resolved("//", "/h", "/");
	check_resolved("~", "/h", "/h");
	check_resolved("~/x", "/h", "/h/x");
	check_resolved("~x", "/h", "/a/b/~x");
	check_resolved("~/x", NULL, NULL);
}

/* The search: in a directory of its own, with an environment of its own */

struct place {
	char dir[SCRATCH_SIZE];
	char home[80];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct dr_err err = DR_ERR_INIT;
	char path[128];

	if (scratch_make(p->dir) < 0 || chdir(p->dir) < 0)
		return -1;
	snprintf(p->home, sizeof(p->home), "%s/home", p->dir);
	snprintf(path, sizeof(path), "%s/.config/deskrun", p->home);
	if (fs_mkdir_p(path, 0755, &err) < 0)
		return -1;
	setenv("HOME", p->home, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	unsetenv("DESKRUN_CONFIG");
	unsetenv("SUDO_UID");
	*state = p;
	return 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;
	int rc = chdir("/") < 0 ? -1 : scratch_drop(p->dir);

	free(p);
	return rc;
}

static void put(const char *path, const char *pool)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f, "version: 1\ndata: data\npools: [{name: %s, target: o/r}]\n",
		pool);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
}

/* Loads what is found, and expects the pool of that name. */
static void expect_found(const char *file, const char *pool)
{
	auto_problems struct config_problems problems = {0};
	auto_config struct config c = {0};
	struct dr_err err = DR_ERR_INIT;

	if (config_load(file, &c, &problems, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(c.pools[0].name, pool);
}

static void expect_refused(const char *file, const char *text)
{
	auto_problems struct config_problems problems = {0};
	struct config c;
	struct dr_err err = DR_ERR_INIT;

	assert_int_equal(config_load(file, &c, &problems, &err), -1);
	assert_int_equal(err.code, DR_CONFIG);
	if (!strstr(err.msg, text))
		fail_msg("expected '%s' in: %s", text, err.msg);
}

static void nearer_files_come_first(void **state)
{
	struct place *p = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/.config/deskrun/deskrun.yaml",
		p->home);
	put(path, "user");
	expect_found(NULL, "user");
	assert_int_equal(mkdir("xdg", 0755), 0);
	assert_int_equal(mkdir("xdg/deskrun", 0755), 0);
	put("xdg/deskrun/deskrun.yaml", "xdg");
	snprintf(path, sizeof(path), "%s/xdg", p->dir);
	setenv("XDG_CONFIG_HOME", path, 1);
	expect_found(NULL, "xdg");
	put("deskrun.yaml", "here");
	expect_found(NULL, "here");
	put("variable.yaml", "variable");
	setenv("DESKRUN_CONFIG", "variable.yaml", 1);
	expect_found(NULL, "variable");
	put("named.yaml", "named");
	expect_found("named.yaml", "named");
}

static void paths_are_relative_to_the_file(void **state)
{
	struct place *p = *state;
	auto_problems struct config_problems problems = {0};
	auto_config struct config c = {0};
	struct dr_err err = DR_ERR_INIT;
	char path[128];

	assert_int_equal(mkdir("sub", 0755), 0);
	put("sub/x.yaml", "x");
	assert_int_equal(config_load("sub/x.yaml", &c, &problems, &err), 0);
	snprintf(path, sizeof(path), "%s/sub/data", p->dir);
	assert_string_equal(c.data, path);
	snprintf(path, sizeof(path), "%s/sub/x.yaml", p->dir);
	assert_string_equal(c.file, path);
	assert_string_equal(problems.file, "sub/x.yaml");
}

static void absence_says_where_it_looked(void **state)
{
	(void)state;
	if (access("/etc/deskrun/deskrun.yaml", F_OK) == 0)
		SKIP_BECAUSE("this machine has /etc/deskrun/deskrun.yaml");
	expect_refused(NULL,
		"/.config/deskrun/deskrun.yaml or "
		"/etc/deskrun/deskrun.yaml; one line is enough: "
		"{version: 1, pools: [{name: desk, target: ");
	expect_refused("gone.yaml", "open gone.yaml: No such file");
	setenv("DESKRUN_CONFIG", "away.yaml", 1);
	expect_refused(NULL, "open away.yaml: No such file");
}

static void suggested_line_is_a_configuration(void **state)
{
	auto_problems struct config_problems problems = {0};
	auto_config struct config c = {0};
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(
		parse("{version: 1, pools: [{name: desk, target: OWNER/REPO}]}",
			&c, &problems, &err),
		0);
}

static void found_file_of_another_user_is_no_trap(void **state)
{
	(void)state;
	if (geteuid() != 0)
		SKIP_BECAUSE("only root can give a file away");
	put("deskrun.yaml", "trap");
	assert_int_equal(chown("deskrun.yaml", 12345, 12345), 0);
	expect_refused(NULL, "belongs to another user (12345)");
	expect_found("deskrun.yaml", "trap");
	setenv("SUDO_UID", "12345", 1);
	expect_found(NULL, "trap");
}

static void found_file_that_all_may_write_is_no_trap(void **state)
{
	(void)state;
	put("deskrun.yaml", "trap");
	assert_int_equal(chmod("deskrun.yaml", 0666), 0);
	expect_refused(NULL, "run 'chmod o-w deskrun.yaml'");
}

static void directories_and_large_files_are_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir("dir.yaml", 0755), 0);
	expect_refused("dir.yaml", "read dir.yaml: Is a directory");
	put("large.yaml", "x");
	assert_int_equal(truncate("large.yaml", 2 * TEXT_MAX), 0);
	expect_refused("large.yaml", "larger than a configuration may be");
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files_mean_what_they_say),
		cmocka_unit_test(bad_files_get_all_their_problems_said),
		cmocka_unit_test(one_problem_is_the_error_itself),
		cmocka_unit_test(several_problems_are_counted_and_sorted),
		cmocka_unit_test(full_file_fills_the_struct),
		cmocka_unit_test(latest_version_is_no_version),
		cmocka_unit_test(thousand_pools_are_read),
		cmocka_unit_test(defaults_satisfy_their_own_keys),
		cmocka_unit_test(keys_follow_their_parents_in_the_schema),
		cmocka_unit_test(paths_become_absolute),
		cmocka_unit_test(suggested_line_is_a_configuration),
		IN_PLACE(nearer_files_come_first),
		IN_PLACE(paths_are_relative_to_the_file),
		IN_PLACE(absence_says_where_it_looked),
		IN_PLACE(found_file_of_another_user_is_no_trap),
		IN_PLACE(found_file_that_all_may_write_is_no_trap),
		IN_PLACE(directories_and_large_files_are_refused),
	};

	/* the corpus is named relative to where the tests are started */
	if (getenv("srcdir") && *getenv("srcdir") != '/') {
		auto_free char *dir = realpath(getenv("srcdir"), NULL);

		setenv("srcdir", dir ? dir : ".", 1);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
