/* Where a GitHub's API is, and what a target is called there. Pure. */
#ifndef DESKRUN_GITHUB_SERVER_H
#define DESKRUN_GITHUB_SERVER_H

#include <stdbool.h>

#include "net/url.h"
#include "util/err.h"

enum server_target {
	SERVER_REPOSITORY,
	SERVER_ORGANISATION,
	SERVER_ENTERPRISE,
};

/* Owns its strings. */
struct server {
	char *api;	  /* "https://api.github.com", no slash at the end */
	char *runner_url; /* "https://github.com/owner/repo" */
	char *target;	  /* as configured */
	char *scope; /* "/repos/owner/repo", "/orgs/…", "/enterprises/…" */
	enum server_target kind;
	struct url_parts at; /* of api */
};

/*
 * The rules are the runner's own (its UrlUtil.cs and RunnerDotcomServer.cs):
 * github.com, GHE.com and their localhost likes have a host "api." for it,
 * any other server answers below /api/v3. DR_CONFIG.
 */
int server_parse(const char *url, const char *target, struct server *server,
	struct dr_err *err);
void server_clear(struct server *server);

#endif
