#include "github/github.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "github/call.h"
#include "util/cleanup.h"

/* Releases of the runner are on github.com, whatever the server. */
#define RELEASES_API "https://api.github.com"
#define RELEASE_PATH "/repos/actions/runner/releases/tags/v"

#define PATH_LONGEST 1024
#define WHAT_LONGEST 256

const char *github_machine(void)
{
#if defined(__x86_64__)
	return "x64";
#elif defined(__aarch64__)
	return "arm64";
#else
#error "no runner is released for this machine"
#endif
}

void github_release_clear(struct github_release *release)
{
	free(release->version);
	free(release->url);
	free(release->filename);
	free(release->sha256);
	if (release->token)
		explicit_bzero(release->token, strlen(release->token));
	free(release->token);
	*release = (struct github_release){0};
}

/* What the target is offered. release is to be cleared in any case. */
static int offered(struct github *gh, struct github_release *release,
	struct dr_err *err)
{
	auto_http_response struct http_response response;
	char path[PATH_LONGEST], what[WHAT_LONGEST];
	const struct call call = {.path = path, .what = what};
	struct answer answer;

	http_response_init(&response);
	snprintf(path, sizeof(path), "%s/actions/runners/downloads",
		gh->server.scope);
	snprintf(what, sizeof(what), "ask which runner %s is offered",
		gh->server.target);
	if (call_perform(gh, &call, &response, err) < 0)
		return -1;
	answer = call_answer(&call, &response);
	return answer_downloads(&answer, github_machine(), release, err);
}

/*
 * A loopback server is one under test, and stands for all of GitHub. The
 * token goes to the server that it is for alone.
 */
static int tagged(struct github *gh, const char *version,
	struct github_release *release, struct dr_err *err)
{
	auto_http_response struct http_response response;
	bool own = gh->server.at.loopback ||
		strcmp(gh->server.at.host, "api.github.com") == 0;
	char path[PATH_LONGEST], what[WHAT_LONGEST];
	const struct call call = {
		.path = path, .what = what, .anonymous = !own};
	struct answer answer;

	http_response_init(&response);
	snprintf(path, sizeof(path), "%s" RELEASE_PATH "%s",
		own ? "" : RELEASES_API, version);
	snprintf(what, sizeof(what), "look for release %s of actions/runner",
		version);
	if (call_perform(gh, &call, &response, err) < 0) {
		if (err->code == DR_NOT_FOUND)
			dr_err_set(err, DR_NOT_FOUND,
				"there is no release %s of actions/runner",
				version);
		return -1;
	}
	answer = call_answer(&call, &response);
	return answer_release(&answer, github_machine(), release, err);
}

static bool is_version(const char *text)
{
	return *text && strlen(text) < 32 &&
		strspn(text, "0123456789.") == strlen(text);
}

int github_find_release(struct github *gh, const char *version,
	struct github_release *release, struct dr_err *err)
{
	*release = (struct github_release){0};
	if (version && !is_version(version))
		return dr_err_set(err, DR_CONFIG,
			"runner version %.64s: digits and dots are wanted, as "
			"in 2.336.0",
			version);
	call_begin(gh);
	/* The offer has a token for the download where one is needed. */
	if (offered(gh, release, err) < 0) {
		github_release_clear(release);
		return -1;
	}
	if (!version || strcmp(release->version, version) == 0)
		return 0;
	github_release_clear(release);
	if (tagged(gh, version, release, err) < 0) {
		github_release_clear(release);
		return -1;
	}
	return 0;
}
