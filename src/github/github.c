#include "github/github.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "github/call.h"
#include "util/cleanup.h"
#include "util/strv.h"

#define TOKEN_LONGEST (16 * 1024)
#define PATH_LONGEST 1024
#define WHAT_LONGEST 256

/* A bearer token as HTTP allows it: no header can be smuggled in with it. */
static int take_token(struct github *gh, const char *token, struct dr_err *err)
{
	for (const char *p = token; *p; p++) {
		if (*p <= ' ' || *p > '~')
			return dr_err_set(err, DR_AUTH,
				"the token has characters that no GitHub token "
				"has (a space, a line end)");
	}
	if (dr_buf_addstr(&gh->token, token) < 0)
		return dr_err_set(err, DR_AUTH,
			"the token is longer than any GitHub token is");
	return 0;
}

struct github *github_new(const struct github_options *options,
	struct dr_err *err)
{
	auto_github struct github *gh = calloc(1, sizeof(*gh));

	if (!gh) {
		dr_err_oom(err);
		return NULL;
	}
	gh->http = options->http;
	gh->wait_s = options->wait_s ? options->wait_s : GITHUB_WAIT_S;
	gh->interrupted = options->interrupted;
	dr_buf_init(&gh->token, TOKEN_LONGEST);
	if (server_parse(options->url, options->target, &gh->server, err) < 0)
		return NULL;
	if (options->token && take_token(gh, options->token, err) < 0)
		return NULL;
	return steal_ptr(&gh);
}

void github_free(struct github *gh)
{
	int saved = errno;

	if (!gh)
		return;
	server_clear(&gh->server);
	dr_buf_clear(&gh->token);
	free(gh);
	errno = saved;
}

const char *github_runner_url(const struct github *gh)
{
	return gh->server.runner_url;
}

void github_token_clear(struct github_token *token)
{
	if (token->value)
		explicit_bzero(token->value, strlen(token->value));
	free(token->value);
	*token = (struct github_token){0};
}

void github_runner_clear(struct github_runner *runner)
{
	free(runner->name);
	free(runner->os);
	free(runner->version);
	strv_free(runner->labels);
	*runner = (struct github_runner){0};
}

void github_runners_clear(struct github_runners *runners)
{
	for (size_t i = 0; i < runners->n; i++)
		github_runner_clear(&runners->v[i]);
	free(runners->v);
	*runners = (struct github_runners){0};
}

int github_check(struct github *gh, struct dr_err *err)
{
	auto_http_response struct http_response response;
	char path[PATH_LONGEST], what[WHAT_LONGEST];
	const struct call call = {.path = path, .what = what};

	http_response_init(&response);
	snprintf(path, sizeof(path), "%s/actions/runners?per_page=1",
		gh->server.scope);
	snprintf(what, sizeof(what), "look at the runners of %s",
		gh->server.target);
	call_begin(gh);
	return call_perform(gh, &call, &response, err);
}

int github_registration_token(struct github *gh, struct github_token *token,
	struct dr_err *err)
{
	auto_http_response struct http_response response;
	char path[PATH_LONGEST], what[WHAT_LONGEST];
	const struct call call = {.method = "POST", .path = path, .what = what};
	struct answer answer;

	http_response_init(&response);
	snprintf(path, sizeof(path), "%s/actions/runners/registration-token",
		gh->server.scope);
	snprintf(what, sizeof(what), "get a registration token for %s",
		gh->server.target);
	call_begin(gh);
	if (call_perform(gh, &call, &response, err) < 0)
		return -1;
	answer = call_answer(&call, &response);
	if (answer_token(&answer, token, err) < 0) {
		github_token_clear(token);
		return -1;
	}
	return 0;
}

static int add_runners(const struct answer *answer, void *arg,
	struct dr_err *err)
{
	return answer_runners(answer, arg, err);
}

/* name NULL: all. GHES of old ignores the filter: the caller looks again. */
static int list(struct github *gh, const char *name,
	struct github_runners *runners, struct dr_err *err)
{
	char what[WHAT_LONGEST];
	struct call call = {.what = what};
	struct dr_buf path;
	int rc;

	*runners = (struct github_runners){0};
	snprintf(what, sizeof(what), "list the runners of %s",
		gh->server.target);
	dr_buf_init(&path, PATH_LONGEST);
	dr_buf_addf(&path, "%s/actions/runners?per_page=100", gh->server.scope);
	if (name) {
		dr_buf_addstr(&path, "&name=");
		call_escape(&path, name);
	}
	call.path = path.data;
	rc = path.failed
		? dr_err_set(err, DR_FAILED, "%s: the name is too long", what)
		: call_pages(gh, &call, add_runners, runners, err);
	dr_buf_clear(&path);
	if (rc < 0)
		github_runners_clear(runners);
	return rc;
}

int github_list_runners(struct github *gh, struct github_runners *runners,
	struct dr_err *err)
{
	call_begin(gh);
	return list(gh, NULL, runners, err);
}

int github_find_runner(struct github *gh, const char *name, bool *found,
	struct github_runner *runner, struct dr_err *err)
{
	struct github_runners runners;

	*found = false;
	*runner = (struct github_runner){0};
	call_begin(gh);
	if (list(gh, name, &runners, err) < 0)
		return -1;
	for (size_t i = 0; i < runners.n && !*found; i++) {
		if (strcmp(runners.v[i].name, name) != 0)
			continue;
		*found = true;
		*runner = runners.v[i];
		runners.v[i] = (struct github_runner){0};
	}
	github_runners_clear(&runners);
	return 0;
}

/*
 * A 404 has two meanings. A token that lists the target's runners may see
 * them, so that one which is not listed is gone.
 */
static int confirm_gone(struct github *gh, int64_t id, struct dr_err *err)
{
	struct github_runners runners;
	struct dr_err refusal = *err;
	bool listed = false;

	if (list(gh, NULL, &runners, err) < 0)
		return -1;
	for (size_t i = 0; i < runners.n; i++)
		listed |= runners.v[i].id == id;
	github_runners_clear(&runners);
	if (!listed)
		return 0;
	*err = refusal;
	return -1;
}

int github_delete_runner(struct github *gh, int64_t id, struct dr_err *err)
{
	auto_http_response struct http_response response;
	char path[PATH_LONGEST], what[WHAT_LONGEST];
	const struct call call = {
		.method = "DELETE", .path = path, .what = what};

	http_response_init(&response);
	snprintf(path, sizeof(path), "%s/actions/runners/%" PRId64,
		gh->server.scope, id);
	snprintf(what, sizeof(what), "delete runner %" PRId64 " of %s", id,
		gh->server.target);
	call_begin(gh);
	if (call_perform(gh, &call, &response, err) == 0)
		return 0;
	if (err->http_status == 404)
		return confirm_gone(gh, id, err);
	if (err->http_status == 422 || err->http_status == 409)
		err->code = DR_BUSY;
	return -1;
}
