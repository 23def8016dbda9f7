#include "config/schema.h"

#include <stdio.h>
#include <string.h>

#include "config/checks.h"
#include "config/config.h"
#include "util/cleanup.h"
#include "util/slot.h"

#define ROOT(member) .offset = offsetof(struct config, member)
#define POOL(member) .offset = offsetof(struct config_pool, member)

#define GIGA (INT64_C(1) << 30)

static const struct schema_choice engines[] = {
	{"auto", CONFIG_ENGINE_AUTO},
	{"host", CONFIG_ENGINE_HOST},
	{"kind", -1},
	{"kube", -1},
	{"docker", -1},
	{NULL, 0},
};

static const struct schema_choice sources[] = {
	{"auto", CONFIG_SOURCE_AUTO},
	{"tarball", CONFIG_SOURCE_TARBALL},
	{"image", -1},
	{NULL, 0},
};

static const struct schema_choice scratches[] = {
	{"disk", CONFIG_SCRATCH_DISK},
	{"tmpfs", -1},
	{NULL, 0},
};

static const struct schema_choice modes[] = {
	{"standard", SLOT_MODE_STANDARD},
	{"privileged", SLOT_MODE_PRIVILEGED},
	{"dind", -1},
	{NULL, 0},
};

const struct schema_key schema[] = {
	{
		.path = "version",
		.type = SCHEMA_NUMBER,
		.flags = SCHEMA_REQUIRED,
		ROOT(version),
		.min = 1,
		.max = 1,
		.expected = "1, the only version of this file's format",
		.summary = "version of this file's format",
	},
	{
		.path = "github",
		.type = SCHEMA_MAP,
		.summary = "the server, and who we are there",
	},
	{
		.path = "github.url",
		.type = SCHEMA_TEXT,
		ROOT(github.url),
		.fallback = "https://github.com",
		.check = check_url,
		.expected = "https://HOST[:PORT] without a path (http only for "
			    "loopback addresses)",
		.summary = "the server",
	},
	{
		.path = "github.auth",
		.type = SCHEMA_MAP,
		.summary = "where the token comes from; one of these",
	},
	{
		.path = "github.auth.token_file",
		.type = SCHEMA_PATH,
		ROOT(github.token_file),
		.check = check_path,
		.summary = "a file that only its owner may read",
	},
	{
		.path = "github.auth.token_env",
		.type = SCHEMA_TEXT,
		ROOT(github.token_env),
		.check = check_variable,
		.expected = "the name of an environment variable",
		.summary = "an environment variable",
	},
	{
		.path = "github.auth.gh",
		.type = SCHEMA_FLAG,
		ROOT(github.gh),
		.summary = "what \"gh auth token\" prints",
	},
	{
		.path = "github.auth.app",
		.type = SCHEMA_LATER,
		.summary = "a GitHub App",
	},
	{
		.path = "github.ca_file",
		.type = SCHEMA_PATH,
		ROOT(github.ca_file),
		.check = check_path,
		.summary =
			"certificates (PEM) to trust instead of the system's",
	},
	{
		.path = "engine",
		.type = SCHEMA_CHOICE,
		ROOT(engine),
		.fallback = "auto",
		.choices = engines,
		.summary = "what runs the runners",
	},
	{
		.path = "cluster",
		.type = SCHEMA_LATER,
		.summary = "the Kubernetes cluster",
	},
	{
		.path = "data",
		.type = SCHEMA_PATH,
		.flags = SCHEMA_DATA,
		ROOT(data),
		.fallback = "/var/lib/deskrun",
		.check = check_data,
		.expected = "a path other than / and without ',', ':' and '\\' "
			    "(overlay mounts cannot take them)",
		.summary = "the data directory",
	},
	{
		.path = "runner",
		.type = SCHEMA_MAP,
		.summary = "the release of actions/runner",
	},
	{
		.path = "runner.version",
		.type = SCHEMA_TEXT,
		ROOT(runner_version),
		.fallback = "latest",
		.check = check_runner_version,
		.expected = "latest, or a version such as 2.336.0",
		.summary = "latest, or a version to stay with",
	},
	{
		.path = "runner.source",
		.type = SCHEMA_CHOICE,
		ROOT(runner_source),
		.fallback = "auto",
		.choices = sources,
		.summary = "where it comes from",
	},
	{
		.path = "pools",
		.type = SCHEMA_POOLS,
		.flags = SCHEMA_REQUIRED,
		.min = 1,
		.expected = "a list with at least one pool",
		.summary = "sets of alike runners",
	},
	{
		.path = "pools[].name",
		.type = SCHEMA_TEXT,
		.flags = SCHEMA_REQUIRED,
		POOL(name),
		.check = check_name,
		.expected = "1 to 64 of the characters A-Z a-z 0-9 . _ -, not "
			    "beginning with . or -",
		.summary = "its name, different from the others'",
	},
	{
		.path = "pools[].target",
		.type = SCHEMA_TEXT,
		.flags = SCHEMA_REQUIRED,
		POOL(target),
		.check = check_target,
		.expected = "OWNER/REPO, ORGANISATION or enterprises/NAME",
		.summary = "whose jobs it runs",
	},
	{
		.path = "pools[].group",
		.type = SCHEMA_TEXT,
		POOL(group),
		.check = check_group,
		.expected = "the name of a runner group",
		.summary = "runner group of an organisation or enterprise",
	},
	{
		.path = "pools[].labels",
		.type = SCHEMA_TEXTS,
		POOL(labels),
		.fallback = "deskrun",
		.check = check_label,
		.expected = "1 to 256 characters without spaces and "
			    "commas",
		.summary = "labels besides self-hosted, Linux, X64 or ARM64",
	},
	{
		.path = "pools[].count",
		.type = SCHEMA_NUMBER,
		POOL(count),
		.fallback = "1",
		.min = 1,
		.max = CONFIG_COUNT_MAX,
		.summary = "how many runners",
	},
	{
		.path = "pools[].count.min",
		.type = SCHEMA_LATER,
		.summary = "runners when nothing is to be done",
	},
	{
		.path = "pools[].count.max",
		.type = SCHEMA_LATER,
		.summary = "runners under load",
	},
	{
		.path = "pools[].runner_name",
		.type = SCHEMA_TEXT,
		POOL(runner_name),
		.fallback = "{host}-{pool}-{n}",
		.check = check_template,
		.expected = "up to 64 of the characters A-Z a-z 0-9 . _ - and "
			    "the places {host} {pool} {n}",
		.summary = "how they are called",
	},
	{
		.path = "pools[].image",
		.type = SCHEMA_LATER,
		.summary = "container image",
	},
	{
		.path = "pools[].mode",
		.type = SCHEMA_CHOICE,
		POOL(mode),
		.fallback = "standard",
		.choices = modes,
		.summary = "what a job's root may do",
	},
	{
		.path = "pools[].user",
		.type = SCHEMA_LATER,
		.summary = "user of the jobs",
	},
	{
		.path = "pools[].limits",
		.type = SCHEMA_MAP,
		.summary = "of each job",
	},
	{
		.path = "pools[].limits.cpus",
		.type = SCHEMA_CPUS,
		POOL(limits.cpus_milli),
		.min = 10,
		.max = 1000 * 1000,
		.expected = "a number of processors from 0.01 to 1000, such as "
			    "1.5",
		.summary = "processors",
	},
	{
		.path = "pools[].limits.memory",
		.type = SCHEMA_SIZE,
		POOL(limits.memory),
		.min = GIGA / 16,
		.max = 65536 * GIGA,
		.expected = "a size from 64M to 64T, such as 8G",
		.summary = "memory",
	},
	{
		.path = "pools[].limits.pids",
		.type = SCHEMA_NUMBER,
		POOL(limits.pids),
		.min = 64,
		.max = 4194304,
		.summary = "processes and threads",
	},
	{
		.path = "pools[].devices",
		.type = SCHEMA_LATER,
		.summary = "device nodes",
	},
	{
		.path = "pools[].env",
		.type = SCHEMA_ENV,
		.flags = SCHEMA_SECRET,
		POOL(env),
		.summary = "environment variables of its jobs",
	},
	{
		.path = "pools[].caches",
		.type = SCHEMA_LATER,
		.summary = "directories that outlive a job",
	},
	{
		.path = "pools[].network",
		.type = SCHEMA_LATER,
		.summary = "network of the jobs",
	},
	{
		.path = "pools[].hooks",
		.type = SCHEMA_LATER,
		.summary = "programs before and after each job",
	},
	{
		.path = "pools[].allow_public",
		.type = SCHEMA_FLAG,
		POOL(allow_public),
		.fallback = "false",
		.summary = "run jobs of public repositories",
	},
	{
		.path = "pools[].kube",
		.type = SCHEMA_LATER,
		.summary = "details of Pods",
	},
	{
		.path = "wipe",
		.type = SCHEMA_MAP,
		.summary = "what happens to a job's remains",
	},
	{
		.path = "wipe.scratch",
		.type = SCHEMA_CHOICE,
		ROOT(scratch),
		.fallback = "disk",
		.choices = scratches,
		.summary = "where a job's files lie",
	},
	{
		.path = "wipe.keep_diag",
		.type = SCHEMA_LATER,
		.summary = "how long diagnostic logs are kept",
	},
	{
		.path = "wipe.on_taint",
		.type = SCHEMA_LATER,
		.summary = "what happens to a tainted runner",
	},
	{
		.path = "registry",
		.type = SCHEMA_LATER,
		.summary = "mirrors of image registries",
	},
	{
		.path = "host",
		.type = SCHEMA_MAP,
		.summary = "the engine host",
	},
	{
		.path = "host.expose",
		.type = SCHEMA_PATHS,
		ROOT(expose),
		.check = check_path,
		.summary = "paths that are not hidden from jobs",
	},
};

const size_t schema_len = ARRAY_SIZE(schema);

/* The rest of a path below parent; NULL when it lies elsewhere. */
static const char *below(const char *path, const char *parent)
{
	size_t len = strlen(parent);

	if (len == 0)
		return path;
	if (strncmp(path, parent, len) != 0 || path[len] != '.')
		return NULL;
	return path + len + 1;
}

const struct schema_key *schema_below(const char *parent,
	const struct schema_key *last)
{
	for (size_t i = last ? (size_t)(last - schema) + 1 : 0; i < schema_len;
		i++) {
		const char *rest = below(schema[i].path, parent);

		if (rest && !strchr(rest, '.'))
			return &schema[i];
	}
	return NULL;
}

const struct schema_key *schema_find(const char *parent, const char *name)
{
	const struct schema_key *key = NULL;

	while ((key = schema_below(parent, key)))
		if (strcmp(schema_name(key), name) == 0)
			return key;
	return NULL;
}

const char *schema_name(const struct schema_key *key)
{
	const char *dot = strrchr(key->path, '.');

	return dot ? dot + 1 : key->path;
}

static void list_choices(const struct schema_choice *choices, char *out,
	size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (const struct schema_choice *c = choices; c->name; c++) {
		int n;

		if (c->value < 0)
			continue;
		n = snprintf(out + len, size - len, "%s%s", len ? " or " : "",
			c->name);
		if (n < 0 || (size_t)n >= size - len)
			return;
		len += (size_t)n;
	}
}

const char *schema_expected(const struct schema_key *key,
	char out[SCHEMA_EXPECTED_SIZE])
{
	static const char *const by_type[] = {
		[SCHEMA_MAP] = "a map of keys",
		[SCHEMA_TEXT] = "text",
		[SCHEMA_PATH] = "a path",
		[SCHEMA_FLAG] = "true or false",
		[SCHEMA_TEXTS] = "text",
		[SCHEMA_PATHS] = "a path",
		[SCHEMA_ENV] = "a map of names and values",
	};

	if (key->expected)
		snprintf(out, SCHEMA_EXPECTED_SIZE, "%s", key->expected);
	else if (key->type == SCHEMA_NUMBER)
		snprintf(out, SCHEMA_EXPECTED_SIZE,
			"a whole number from %lld to %lld", (long long)key->min,
			(long long)key->max);
	else if (key->type == SCHEMA_CHOICE)
		list_choices(key->choices, out, SCHEMA_EXPECTED_SIZE);
	else
		snprintf(out, SCHEMA_EXPECTED_SIZE, "%s", by_type[key->type]);
	return out;
}
