#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "config/entries.h"
#include "config/problems.h"
#include "config/read.h"
#include "config/yaml.h"
#include "util/cleanup.h"
#include "util/strv.h"

static void pool_clear(struct config_pool *pool)
{
	free(pool->name);
	free(pool->target);
	free(pool->group);
	strv_free(pool->labels);
	free(pool->runner_name);
	strv_free(pool->runners);
	strv_free(pool->env);
}

void config_clear(struct config *config)
{
	for (size_t i = 0; i < config->n_pools; i++)
		pool_clear(&config->pools[i]);
	for (size_t i = 0; i < config->n_entries; i++) {
		free(config->entries[i].path);
		free(config->entries[i].value);
	}
	free(config->pools);
	free(config->entries);
	free(config->file);
	free(config->github.url);
	free(config->github.host);
	free(config->github.token_file);
	free(config->github.token_env);
	free(config->github.ca_file);
	free(config->data);
	free(config->runner_version);
	strv_free(config->expose);
	*config = (struct config){0};
}

/* The error that stands for all problems */
static int summary(const struct config_problems *problems, struct dr_err *err)
{
	const struct config_problem *first = problems->v;

	if (problems->failed)
		return dr_err_oom(err);
	if (problems->n > 1)
		return dr_err_set(err, DR_CONFIG, "%s: %zu problems",
			problems->file, problems->n);
	if (first->line == 0)
		return dr_err_set(err, DR_CONFIG, "%s: %s", problems->file,
			first->text);
	return dr_err_set(err, DR_CONFIG, "%s:%d:%d: %s", problems->file,
		first->line, first->column, first->text);
}

static void read_root(const struct node *root,
	const struct config_context *context, struct config *config,
	struct config_problems *problems)
{
	bool empty = !root || node_is_null(root);

	if (!empty && root->kind == NODE_MAP) {
		read_config(root, context, config, problems);
		conflicts_find(context, config, problems);
	} else if (empty && problems->n == 0) {
		problems_add(problems, 0, 0,
			"the file is empty, expected at least 'version: 1' and "
			"'pools:', see deskrun.yaml(5)");
	} else if (!empty && root->kind != NODE_BROKEN) {
		problems_add(problems, root->line, root->column,
			"expected a map of keys, such as 'version: 1'");
	}
}

int config_parse(const char *text, size_t len,
	const struct config_context *context, struct config *config,
	struct config_problems *problems, struct dr_err *err)
{
	struct node *root;

	*config = (struct config){0};
	*problems = (struct config_problems){.file = strdup(context->file)};
	if (!problems->file)
		return dr_err_oom(err);
	root = yaml_tree(text, len, problems);
	read_root(root, context, config, problems);
	node_free(root);
	if (problems->n == 0 && !problems->failed)
		return 0;
	config_clear(config);
	problems_sort(problems);
	return summary(problems, err);
}

const struct config_pool *config_pool_find(const struct config *config,
	const char *name)
{
	for (size_t i = 0; i < config->n_pools; i++)
		if (strcmp(config->pools[i].name, name) == 0)
			return &config->pools[i];
	return NULL;
}
