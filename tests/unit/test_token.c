/* config_token(): from where the token comes, and where it does not stay. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "scratch.h"

extern char **environ;

struct place {
	char dir[SCRATCH_SIZE];
	char file[96];
	char bin[96];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (scratch_make(p->dir) < 0)
		return -1;
	snprintf(p->file, sizeof(p->file), "%s/token", p->dir);
	snprintf(p->bin, sizeof(p->bin), "%s/bin", p->dir);
	if (mkdir(p->bin, 0755) < 0)
		return -1;
	setenv("PATH", p->bin, 1);
	unsetenv("GITHUB_TOKEN");
	unsetenv("GH_TOKEN");
	*state = p;
	return 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;
	int rc = scratch_drop(p->dir);

	free(p);
	return rc;
}

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static struct config with(enum config_auth auth, char *value)
{
	return (struct config){
		.github =
			{
				.host = (char *)"github.com",
				.auth = auth,
				.token_file = value,
				.token_env = value,
			},
	};
}

static void expect_token(const struct config *config, const char *expected)
{
	auto_buf struct dr_buf token;
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(&token, 8192);
	if (config_token(config, &token, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(token.data, expected);
}

static void expect_refused(const struct config *config, const char *text)
{
	auto_buf struct dr_buf token;
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(&token, 8192);
	assert_int_equal(config_token(config, &token, &err), -1);
	assert_int_equal(err.code, DR_AUTH);
	assert_int_equal(token.len, 0);
	if (!strstr(err.msg, text))
		fail_msg("expected '%s' in: %s", text, err.msg);
	assert_null(strstr(err.msg, "sesame"));
}

/* Whether any variable still has that text */
static bool environment_has(const char *text)
{
	for (char **e = environ; *e; e++)
		if (strstr(*e, text))
			return true;
	return false;
}

static void file_gives_its_one_line(void **state)
{
	struct place *p = *state;
	struct config c = with(CONFIG_AUTH_FILE, p->file);

	put(p->file, "sesame\n", 0600);
	expect_token(&c, "sesame");
	put(p->file, "sesame \r\n\n", 0400);
	expect_token(&c, "sesame");
	put(p->file, "sesame", 0600);
	expect_token(&c, "sesame");
}

static void file_that_others_may_read_is_refused(void **state)
{
	struct place *p = *state;
	struct config c = with(CONFIG_AUTH_FILE, p->file);
	char cure[160];

	snprintf(cure, sizeof(cure), "(mode 0640): run 'chmod 600 %s'",
		p->file);
	put(p->file, "sesame\n", 0640);
	expect_refused(&c, cure);
	put(p->file, "sesame\n", 0602);
	expect_refused(&c, "(mode 0602)");
}

static void file_of_another_user_is_refused(void **state)
{
	struct place *p = *state;
	struct config c = with(CONFIG_AUTH_FILE, p->file);

	if (geteuid() != 0)
		SKIP_BECAUSE("only root can give a file away");
	put(p->file, "sesame\n", 0600);
	assert_int_equal(chown(p->file, 12345, 12345), 0);
	expect_refused(&c, "belongs to another user (12345)");
}

static void file_with_more_than_a_token_is_refused(void **state)
{
	struct place *p = *state;
	struct config c = with(CONFIG_AUTH_FILE, p->file);
	char large[8192];

	put(p->file, "sesame\nsesame\n", 0600);
	expect_refused(&c, "expected one line with the token");
	put(p->file, "TOKEN=sesame x\n", 0600);
	expect_refused(&c, "expected one line with the token");
	put(p->file, "\n", 0600);
	expect_refused(&c, "is empty");
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	put(p->file, large, 0600);
	expect_refused(&c, "too long for a token");
}

static void what_is_no_file_is_refused_at_once(void **state)
{
	struct place *p = *state;
	struct config c = with(CONFIG_AUTH_FILE, p->file);

	expect_refused(&c, "No such file or directory");
	assert_int_equal(mkfifo(p->file, 0600), 0);
	expect_refused(&c, "is not a regular file");
	c.github.token_file = p->dir;
	expect_refused(&c, "is not a regular file");
}

static void variable_is_gone_after_it_was_read(void **state)
{
	struct config c = with(CONFIG_AUTH_ENV, (char *)"MY_TOKEN");

	(void)state;
	setenv("MY_TOKEN", "sesame", 1);
	setenv("GITHUB_TOKEN", "sesame-two", 1);
	expect_token(&c, "sesame");
	assert_false(environment_has("sesame"));
	expect_refused(&c, "environment variable MY_TOKEN is not set");
}

static void variable_with_rubbish_is_refused(void **state)
{
	struct config c = with(CONFIG_AUTH_ENV, (char *)"MY_TOKEN");

	(void)state;
	setenv("MY_TOKEN", "sesame sesame", 1);
	expect_refused(&c, "expected one line with the token");
	assert_false(environment_has("sesame"));
	setenv("MY_TOKEN", "", 1);
	expect_refused(&c, "environment variable MY_TOKEN is empty");
}

static void without_a_key_the_usual_variable_is_taken(void **state)
{
	struct config c = with(CONFIG_AUTH_DEFAULT, NULL);

	(void)state;
	setenv("GITHUB_TOKEN", "sesame", 1);
	expect_token(&c, "sesame");
	assert_false(environment_has("sesame"));
}

static void nothing_at_all_says_how_to_give_one(void **state)
{
	struct config c = with(CONFIG_AUTH_DEFAULT, NULL);

	(void)state;
	expect_refused(&c,
		"no token for github.com: set GITHUB_TOKEN, install "
		"gh and run 'gh auth login', or name a file");
	c.github.auth = CONFIG_AUTH_GH;
	expect_refused(&c, "gh is not installed");
}

static void put_gh(const struct place *p, const char *script)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/gh", p->bin);
	put(path, script, 0755);
}

static void gh_is_asked_for_the_host(void **state)
{
	struct place *p = *state;
	struct config c = with(CONFIG_AUTH_DEFAULT, NULL);

	put_gh(p, "#!/bin/sh\necho \"sesame,$1,$2,$3,$4,$SECRET\"\n");
	setenv("SECRET", "other", 1);
	expect_token(&c, "sesame,auth,token,--hostname,github.com,");
	unsetenv("SECRET");
}

static void gh_that_fails_is_quoted(void **state)
{
	struct place *p = *state;
	struct config c = with(CONFIG_AUTH_GH, NULL);

	put_gh(p, "#!/bin/sh\necho 'no oauth token' >&2\necho more\nexit 1\n");
	expect_refused(&c,
		"'gh auth token --hostname github.com' failed "
		"(status 1): no oauth token");
	put_gh(p, "#!/bin/sh\nkill -9 $$\n");
	expect_refused(&c, "failed (signal 9): it said nothing");
	put_gh(p, "#!/bin/sh\necho sesame; echo sesame\n");
	expect_refused(&c, "what 'gh auth token' printed: expected one line");
}

static void gh_is_not_asked_when_a_variable_is_set(void **state)
{
	struct place *p = *state;
	struct config c = with(CONFIG_AUTH_DEFAULT, NULL);

	put_gh(p, "#!/bin/sh\necho gh-token\n");
	setenv("GITHUB_TOKEN", "sesame", 1);
	expect_token(&c, "sesame");
	expect_token(&c, "gh-token");
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(file_gives_its_one_line),
		IN_PLACE(file_that_others_may_read_is_refused),
		IN_PLACE(file_of_another_user_is_refused),
		IN_PLACE(file_with_more_than_a_token_is_refused),
		IN_PLACE(what_is_no_file_is_refused_at_once),
		IN_PLACE(variable_is_gone_after_it_was_read),
		IN_PLACE(variable_with_rubbish_is_refused),
		IN_PLACE(without_a_key_the_usual_variable_is_taken),
		IN_PLACE(nothing_at_all_says_how_to_give_one),
		IN_PLACE(gh_is_asked_for_the_host),
		IN_PLACE(gh_that_fails_is_quoted),
		IN_PLACE(gh_is_not_asked_when_a_variable_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
