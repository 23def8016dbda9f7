#include "github/answers.h"

#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/strv.h"

#define SHA256_DIGITS 64
#define FILENAME_LONGEST 200

static json_t *parse(const struct answer *a, struct dr_err *err)
{
	return json_parse(a->text, a->len, a->what, err);
}

static int lacks(const struct answer *a, const char *member, struct dr_err *err)
{
	return dr_err_set(err, DR_FAILED, "%s: no valid \"%s\" in it", a->what,
		member);
}

int answer_token(const struct answer *a, struct github_token *token,
	struct dr_err *err)
{
	auto_json json_t *j = parse(a, err);
	const char *value, *expires;

	*token = (struct github_token){0};
	if (!j)
		return -1;
	value = json_str(j, "token", "");
	expires = json_str(j, "expires_at", "");
	if (!*value || strpbrk(value, "\r\n"))
		return lacks(a, "token", err);
	token->expires_ms = clock_parse(expires);
	if (token->expires_ms < 0)
		return lacks(a, "expires_at", err);
	token->value = strdup(value);
	return token->value ? 0 : dr_err_oom(err);
}

static char **label_names(const json_t *labels)
{
	char **names = strv_dup(NULL);
	json_t *label;
	size_t i;

	json_array_foreach(labels, i, label) {
		const char *name = json_str(label, "name", NULL);

		if (names && name && strv_add(&names, name) < 0) {
			strv_free(names);
			return NULL;
		}
	}
	return names;
}

/* *runner is to be cleared whatever comes of it. */
static int take_runner(const struct answer *a, const json_t *j,
	struct github_runner *runner, struct dr_err *err)
{
	*runner = (struct github_runner){
		.id = json_int(j, "id", 0),
		.name = json_strdup(j, "name"),
		.os = strdup(json_str(j, "os", "unknown")),
		.version = json_strdup(j, "version"),
		.online = strcmp(json_str(j, "status", ""), "online") == 0,
		.busy = json_flag(j, "busy", false),
		.labels = label_names(json_object_get(j, "labels")),
	};
	if (runner->id <= 0)
		return lacks(a, "id", err);
	if (!runner->name)
		return lacks(a, "name", err);
	if (!runner->os || !runner->labels)
		return dr_err_oom(err);
	return 0;
}

/* The array that a list's answer has; NULL sets err. */
static const json_t *list_of(const struct answer *a, const json_t *j,
	const char *member, struct dr_err *err)
{
	const json_t *list = json_object_get(j, member);

	if (json_is_array(list))
		return list;
	lacks(a, member, err);
	return NULL;
}

int answer_runners(const struct answer *a, struct github_runners *runners,
	struct dr_err *err)
{
	auto_json json_t *j = parse(a, err);
	const json_t *list = j ? list_of(a, j, "runners", err) : NULL;
	struct github_runner *v;
	json_t *item;
	size_t i;

	if (!list)
		return -1;
	v = reallocarray(runners->v, runners->n + json_array_size(list) + 1,
		sizeof(*v));
	if (!v)
		return dr_err_oom(err);
	runners->v = v;
	json_array_foreach(list, i, item) {
		struct github_runner *runner = &v[runners->n];

		if (take_runner(a, item, runner, err) < 0) {
			github_runner_clear(runner);
			return -1;
		}
		runners->n++;
	}
	return 0;
}

int answer_groups(const struct answer *a, struct github_groups *groups,
	struct dr_err *err)
{
	auto_json json_t *j = parse(a, err);
	const json_t *list = j ? list_of(a, j, "runner_groups", err) : NULL;
	struct github_group *v;
	json_t *item;
	size_t i;

	if (!list)
		return -1;
	v = reallocarray(groups->v, groups->n + json_array_size(list) + 1,
		sizeof(*v));
	if (!v)
		return dr_err_oom(err);
	groups->v = v;
	json_array_foreach(list, i, item) {
		struct github_group *group = &v[groups->n];

		*group = (struct github_group){
			.id = json_int(item, "id", 0),
			.name = json_strdup(item, "name"),
			.is_default = json_flag(item, "default", false),
			.allows_public_repositories = json_flag(item,
				"allows_public_repositories", false),
		};
		if (!group->name)
			return lacks(a, "name", err);
		groups->n++;
	}
	return 0;
}

/* Lower case; out keeps its contents when it is not 64 digits. */
static int take_sha256(const char *text, char **out)
{
	char *copy;

	if (strspn(text, "0123456789abcdefABCDEF") != SHA256_DIGITS ||
		text[SHA256_DIGITS])
		return -1;
	copy = strdup(text);
	for (char *p = copy; p && *p; p++) {
		if (*p >= 'A' && *p <= 'F')
			*p += 'a' - 'A';
	}
	free(*out);
	*out = copy;
	return copy ? 0 : -1;
}

/* "2.336.0" out of actions-runner-linux-x64-2.336.0.tar.gz */
static char *version_of(const char *filename, const char *machine)
{
	static const char suffix[] = ".tar.gz";
	char prefix[64];
	size_t len = strlen(filename), head;

	snprintf(prefix, sizeof(prefix), "actions-runner-linux-%s-", machine);
	head = strlen(prefix);
	if (len > FILENAME_LONGEST || len < head + strlen(suffix) ||
		strncmp(filename, prefix, head) != 0 ||
		strcmp(filename + len - strlen(suffix), suffix) != 0)
		return NULL;
	len -= head + strlen(suffix);
	if (len == 0 || strspn(filename + head, "0123456789.") < len ||
		filename[head] == '.')
		return NULL;
	return strndup(filename + head, len);
}

static const json_t *find_download(const json_t *list, const char *machine)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (strcmp(json_str(item, "os", ""), "linux") == 0 &&
			strcmp(json_str(item, "architecture", ""), machine) ==
				0)
			return item;
	}
	return NULL;
}

int answer_downloads(const struct answer *a, const char *machine,
	struct github_release *release, struct dr_err *err)
{
	auto_json json_t *j = parse(a, err);
	const json_t *item;
	const char *sum;

	*release = (struct github_release){0};
	if (!j)
		return -1;
	item = find_download(j, machine);
	if (!item)
		return dr_err_set(err, DR_NOT_FOUND,
			"%s: no runner for linux-%s is offered", a->what,
			machine);
	release->url = json_strdup(item, "download_url");
	release->filename = json_strdup(item, "filename");
	release->token = json_strdup(item, "temp_download_token");
	if (!release->url)
		return lacks(a, "download_url", err);
	if (release->filename)
		release->version = version_of(release->filename, machine);
	if (!release->version)
		return lacks(a, "filename", err);
	sum = json_str(item, "sha256_checksum", "");
	if (*sum && take_sha256(sum, &release->sha256) < 0)
		return lacks(a, "sha256_checksum", err);
	return 0;
}

/* The SHA-256 that the notes of a release give, into out when they do. */
static int take_noted_sha256(const char *notes, const char *machine, char **out)
{
	char marker[64], digits[SHA256_DIGITS + 1];
	const char *at;

	snprintf(marker, sizeof(marker), "<!-- BEGIN SHA linux-%s -->",
		machine);
	at = strstr(notes, marker);
	if (!at)
		return 0;
	snprintf(digits, sizeof(digits), "%s", at + strlen(marker));
	return take_sha256(digits, out);
}

static const json_t *find_asset(const json_t *assets, const char *machine,
	char **version)
{
	const json_t *item;
	size_t i;

	json_array_foreach(assets, i, item) {
		*version = version_of(json_str(item, "name", ""), machine);
		if (*version)
			return item;
	}
	return NULL;
}

static int take_sums(const struct answer *a, const json_t *j,
	const json_t *asset, const char *machine,
	struct github_release *release, struct dr_err *err)
{
	static const char prefix[] = "sha256:";
	const char *digest = json_str(asset, "digest", "");
	auto_free char *noted = NULL;

	if (strncmp(digest, prefix, strlen(prefix)) == 0 &&
		take_sha256(digest + strlen(prefix), &release->sha256) < 0)
		return lacks(a, "digest", err);
	if (take_noted_sha256(json_str(j, "body", ""), machine, &noted) < 0)
		return lacks(a, "body", err);
	if (!release->sha256)
		release->sha256 = steal_ptr(&noted);
	else if (noted && strcmp(noted, release->sha256) != 0)
		return dr_err_set(err, DR_FAILED,
			"%s: SHA-256 %s of %s differs from its notes' %s",
			a->what, release->sha256, release->filename, noted);
	return 0;
}

int answer_release(const struct answer *a, const char *machine,
	struct github_release *release, struct dr_err *err)
{
	auto_json json_t *j = parse(a, err);
	const json_t *assets, *asset;

	*release = (struct github_release){0};
	assets = j ? list_of(a, j, "assets", err) : NULL;
	if (!assets)
		return -1;
	asset = find_asset(assets, machine, &release->version);
	if (!asset)
		return dr_err_set(err, DR_NOT_FOUND,
			"%s: it has no runner for linux-%s", a->what, machine);
	release->filename = json_strdup(asset, "name");
	release->url = json_strdup(asset, "browser_download_url");
	if (!release->url || !release->filename)
		return lacks(a, "browser_download_url", err);
	return take_sums(a, j, asset, machine, release, err);
}

int answer_public(const struct answer *a, bool *is_public, struct dr_err *err)
{
	auto_json json_t *j = parse(a, err);
	const char *visibility;

	if (!j)
		return -1;
	visibility = json_str(j, "visibility", NULL);
	if (visibility)
		*is_public = strcmp(visibility, "public") == 0;
	else if (json_is_boolean(json_object_get(j, "private")))
		*is_public = !json_flag(j, "private", true);
	else
		return lacks(a, "visibility", err);
	return 0;
}

void answer_message(const struct answer *a, struct dr_buf *message)
{
	struct dr_err ignored = DR_ERR_INIT;
	auto_json json_t *j = parse(a, &ignored);

	if (j)
		dr_buf_addstr(message, json_str(j, "message", ""));
}
