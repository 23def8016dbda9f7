/* Who may reach a target's runners: visibility and runner groups */
#include "github/github.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "github/call.h"
#include "util/cleanup.h"

#define PATH_LONGEST 1024
#define WHAT_LONGEST 256
#define DEFAULT_GROUP "Default"

int github_repository_is_public(struct github *gh, bool *is_public,
	struct dr_err *err)
{
	auto_http_response struct http_response response;
	char what[WHAT_LONGEST];
	const struct call call = {.path = gh->server.scope, .what = what};
	struct answer answer;

	if (gh->server.kind != SERVER_REPOSITORY)
		return dr_err_set(err, DR_CONFIG, "%s is not a repository",
			gh->server.target);
	http_response_init(&response);
	snprintf(what, sizeof(what), "ask whether %s is public",
		gh->server.target);
	call_begin(gh);
	if (call_perform(gh, &call, &response, err) < 0)
		return -1;
	answer = call_answer(&call, &response);
	return answer_public(&answer, is_public, err);
}

void github_group_clear(struct github_group *group)
{
	free(group->name);
	*group = (struct github_group){0};
}

void github_groups_clear(struct github_groups *groups)
{
	for (size_t i = 0; i < groups->n; i++)
		github_group_clear(&groups->v[i]);
	free(groups->v);
	*groups = (struct github_groups){0};
}

static int add_groups(const struct answer *answer, void *arg,
	struct dr_err *err)
{
	return answer_groups(answer, arg, err);
}

static int no_such_group(const struct github *gh, const char *name,
	const struct github_groups *groups, struct dr_err *err)
{
	struct dr_buf names;

	dr_buf_init(&names, 512);
	/* What does not fit any more is left out. */
	for (size_t i = 0; i < groups->n; i++)
		dr_buf_addf(&names, "%s%s", i ? ", " : "", groups->v[i].name);
	dr_err_set(err, DR_NOT_FOUND,
		"%s has no runner group %.64s that the token can see; there "
		"are: %s",
		gh->server.target, name ? name : DEFAULT_GROUP,
		groups->n ? names.data : "none");
	dr_buf_clear(&names);
	return -1;
}

static struct github_group *pick(const struct github_groups *groups,
	const char *name)
{
	for (size_t i = 0; i < groups->n; i++) {
		if (name ? strcasecmp(groups->v[i].name, name) == 0
			 : groups->v[i].is_default)
			return &groups->v[i];
	}
	return NULL;
}

static int find(struct github *gh, const char *name, struct github_group *group,
	struct dr_err *err)
{
	char path[PATH_LONGEST], what[WHAT_LONGEST];
	const struct call call = {.path = path, .what = what};
	struct github_groups groups = {0};
	struct github_group *found;
	int rc;

	snprintf(path, sizeof(path), "%s/actions/runner-groups?per_page=100",
		gh->server.scope);
	snprintf(what, sizeof(what), "list the runner groups of %s",
		gh->server.target);
	call_begin(gh);
	rc = call_pages(gh, &call, add_groups, &groups, err);
	if (rc == 0) {
		found = pick(&groups, name);
		if (found) {
			*group = *found;
			*found = (struct github_group){0};
		} else {
			rc = no_such_group(gh, name, &groups, err);
		}
	}
	github_groups_clear(&groups);
	return rc;
}

int github_find_group(struct github *gh, const char *name,
	struct github_group *group, struct dr_err *err)
{
	*group = (struct github_group){0};
	if (gh->server.kind != SERVER_REPOSITORY)
		return find(gh, name, group, err);
	if (name && strcasecmp(name, DEFAULT_GROUP) != 0)
		return dr_err_set(err, DR_CONFIG,
			"%s is a repository, and has no runner group %.64s",
			gh->server.target, name);
	group->name = strdup(DEFAULT_GROUP);
	group->is_default = true;
	group->allows_public_repositories = true;
	return group->name ? 0 : dr_err_oom(err);
}
