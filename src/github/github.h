/*
 * GitHub's REST API for self-hosted runners, of one target.
 *
 * A target is where runners are registered: a repository, an organisation or
 * an enterprise. Every call blocks: for its requests, and, when GitHub asks
 * for it (a rate limit, a server error), for a wait that is announced and
 * bounded by wait_s. Failures, which all say what to do next:
 *   DR_AUTH         401, 403: the token is refused, or lacks a permission
 *   DR_NOT_FOUND    404: absent, or not permitted (GitHub does not tell)
 *   DR_NETWORK      no answer, a server error, or a rate limit that lasts
 *                   longer than may be waited
 *   DR_BUSY         409, 422 where the call says so
 *   DR_INTERRUPTED  the interruption flag
 *   DR_FAILED       an answer that makes no sense, or no memory
 * Sources: https://docs.github.com/rest/actions/self-hosted-runners,
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
#ifndef DESKRUN_GITHUB_GITHUB_H
#define DESKRUN_GITHUB_GITHUB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct http_client;
struct github;

/* Strings are copied, http is borrowed for the life of the struct github. */
struct github_options {
	struct http_client *http;
	const char *url;    /* https://github.com, or another server */
	const char *target; /* owner/repo, org, or enterprises/NAME */
	const char *token;  /* bearer token; NULL: none */
	int wait_s;	    /* longest wait in one call; 0: GITHUB_WAIT_S */
	const volatile sig_atomic_t *interrupted; /* ends waits; or NULL */
};
#define GITHUB_WAIT_S 120

/*
 * DR_CONFIG: plain http to what is not a loopback address, or a url or target
 * that cannot be one. Makes no request.
 */
struct github *github_new(const struct github_options *options,
	struct dr_err *err);
/* Overwrites its copy of the token. */
void github_free(struct github *gh);

static inline void github_cleanup(struct github **gh)
{
	github_free(*gh);
	*gh = NULL;
}
#define auto_github __attribute__((cleanup(github_cleanup)))

/* What config.sh takes as --url: the server's URL, a slash, the target. */
const char *github_runner_url(const struct github *gh);

/* One cheap request: whether the token may see this target's runners. */
int github_check(struct github *gh, struct dr_err *err);

struct github_token {
	char *value;
	int64_t expires_ms; /* wall clock, milliseconds since 1970 */
};
/* Overwrites the value. */
void github_token_clear(struct github_token *token);

/* Good for an hour and for many runners. */
int github_registration_token(struct github *gh, struct github_token *token,
	struct dr_err *err);

struct github_runner {
	int64_t id;
	char *name;
	char *os;      /* "linux"; "unknown" until it first connected */
	char *version; /* or NULL */
	bool online;
	bool busy;
	char **labels;
};
void github_runner_clear(struct github_runner *runner);

struct github_runners {
	struct github_runner *v;
	size_t n;
};
void github_runners_clear(struct github_runners *runners);

/* All of the target, whoever registered them; up to 60 s old. */
int github_list_runners(struct github *gh, struct github_runners *runners,
	struct dr_err *err);

/*
 * The runner of exactly this name. *found is false when the list, which was
 * to be had, does not have it: that is success.
 */
int github_find_runner(struct github *gh, const char *name, bool *found,
	struct github_runner *runner, struct dr_err *err);

/*
 * Deletes a registration: from then on GitHub gives it no job. One that is
 * gone already is success, when the list confirms it. DR_BUSY: it runs a job.
 */
int github_delete_runner(struct github *gh, int64_t id, struct dr_err *err);

/* A release of the runner for this machine */
struct github_release {
	char *version; /* "2.336.0" */
	char *url;
	char *filename; /* no slash in it */
	char *sha256;	/* 64 lower-case digits, or NULL: not told */
	char *token;	/* for the download, or NULL */
};
void github_release_clear(struct github_release *release);

/*
 * The release that GitHub offers this target (a newer one may exist: they
 * roll out progressively), or the one of that version where version is not
 * NULL; that may ask api.github.com, without the token of another server.
 * DR_NOT_FOUND also when there is no such version, or none for this machine.
 */
int github_find_release(struct github *gh, const char *version,
	struct github_release *release, struct dr_err *err);

/* Anybody may open a pull request there. Repositories only. */
int github_repository_is_public(struct github *gh, bool *is_public,
	struct dr_err *err);

struct github_group {
	int64_t id;
	char *name;
	bool is_default;
	bool allows_public_repositories;
};
void github_group_clear(struct github_group *group);

/*
 * The runner group of that name (case ignored), or the default one for NULL.
 * DR_NOT_FOUND names those that there are. Repositories have no groups:
 * DR_CONFIG for a name other than Default, else a group of id 0.
 */
int github_find_group(struct github *gh, const char *name,
	struct github_group *group, struct dr_err *err);

/* "x64", "arm64": this machine, in the words of the runner's releases */
const char *github_machine(void);

#endif
