#include "runner/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/strv.h"

static char *format_path(const char *data, const char *runner)
{
	char *path;

	return asprintf(&path, "%s/scratch/%s", data, runner) < 0 ? NULL : path;
}

/* The Listener's environment, which every job inherits. */
static char **make_env(const struct spec_common *common,
	const struct config_pool *pool)
{
	char **env = strv_dup(common->environ);
	bool ok = env != NULL;

	ok = ok &&
		strv_env_set(&env, "PATH",
			"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
			"/sbin:/bin") == 0;
	ok = ok && strv_env_set(&env, "LANG", "C.UTF-8") == 0;
	for (char **e = pool->env; ok && e && *e; e++) {
		char *eq = strchr(*e, '=');
		char *name = strndup(*e, (size_t)(eq - *e));

		ok = name && strv_env_set(&env, name, eq + 1) == 0;
		free(name);
	}
	if (ok)
		return env;
	strv_free(env);
	return NULL;
}

/* What on this machine is ours and no job's business. */
static char **make_masks(const struct config *config)
{
	const char *const paths[] = {config->data, config->file,
		config->github.token_file, "/etc/deskrun"};
	char **masks = strv_dup(NULL);

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!masks || (paths[i] && strv_add(&masks, paths[i]) < 0)) {
			strv_free(masks);
			return NULL;
		}
	}
	return masks;
}

int spec_make(const struct spec_common *common, const struct config_pool *pool,
	const char *runner, struct slot_spec *spec)
{
	const struct config *config = common->config;

	*spec = (struct slot_spec){
		.runner = strdup(runner),
		.pool = strdup(pool->name),
		.group = pool->group ? strdup(pool->group) : NULL,
		.labels = strv_dup(pool->labels),
		.version = strdup(common->version),
		.tree = strdup(common->tree),
		.layers = strdup(common->layers),
		.scratch = format_path(config->data, runner),
		.mode = pool->mode,
		.host = true,
		.masks = make_masks(config),
		.expose = strv_dup(config->expose),
		.limits = pool->limits,
		.env = make_env(common, pool),
		.ca_file = common->ca_file ? strdup(common->ca_file) : NULL,
	};
	if (asprintf(&spec->url, "%s/%s", config->github.url, pool->target) < 0)
		spec->url = NULL;
	if (spec->runner && spec->pool && spec->url && spec->labels &&
		spec->version && spec->tree && spec->layers && spec->scratch &&
		spec->masks && spec->expose && spec->env &&
		(spec->group || !pool->group) &&
		(spec->ca_file || !common->ca_file))
		return 0;
	slot_spec_clear(spec);
	return -1;
}

bool spec_matches(const struct slot_spec *spec, const char *text)
{
	auto_buf struct dr_buf now;

	dr_buf_init(&now, SLOT_FILE_MAX);
	return text && slot_spec_write(spec, &now) == 0 &&
		strcmp(now.data, text) == 0;
}
