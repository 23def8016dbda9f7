#include "config/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/checks.h"
#include "config/entries.h"
#include "config/problems.h"
#include "config/schema.h"
#include "config/values.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/nearest.h"
#include "util/strv.h"

/* Longest path shown: "pools[999].env." and a variable's name */
#define PATH_SIZE 320

struct reader {
	const struct config_context *context;
	struct config *config;
	struct config_problems *problems;
};

/* A map whose keys are read */
struct scope {
	const char *parent;	/* in the schema: "pools[]" */
	const char *path;	/* for people: "pools[3]" */
	const struct node *map; /* NULL: absent, defaults apply */
	void *base;		/* what the keys' offsets start from */
};

/* One key of it */
struct place {
	const struct schema_key *key;
	const char *path;
	const struct node *node; /* NULL: absent */
	void *base;
};

static void read_scope(struct reader *r, const struct scope *scope);

static void path_of(const struct scope *scope, const char *name,
	char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s%s%.256s", scope->path,
		*scope->path ? "." : "", name);
}

static void remember(struct reader *r, const struct place *at,
	const char *value)
{
	int line = at->node ? at->node->line : 0;
	int column = at->node ? at->node->column : 0;

	if (entries_add(r->config, at->path, value, line, column) < 0)
		r->problems->failed = true;
}

/* What a node is, in words */
static const char *what_is(const struct node *node, char out[FOUND_SIZE])
{
	if (node->kind == NODE_MAP)
		return node->first ? "a map" : "an empty map";
	if (node->kind == NODE_LIST)
		return node->first ? "a list" : "an empty list";
	if (node_is_null(node))
		return "nothing";
	return problems_found(node->text, out);
}

static void wrong(struct reader *r, const struct place *at,
	const struct node *node)
{
	char found[FOUND_SIZE], expected[SCHEMA_EXPECTED_SIZE];
	bool in_quotes = node->kind == NODE_SCALAR && node->quoted &&
		!value_is_text(at->key);

	if (node->kind == NODE_BROKEN)
		return;
	problems_add(r->problems, node->line, node->column,
		"%s: found %s%s, expected %s", at->path, what_is(node, found),
		in_quotes ? " in quotes" : "",
		schema_expected(at->key, expected));
}

static void not_yet(struct reader *r, const struct node *node, const char *path)
{
	problems_add(r->problems, node->key->line, node->key->column,
		"%s is not supported by this version", path);
}

/* "count: {min: 1, max: 4}": a map where a later version takes one. */
static bool later_children(struct reader *r, const struct place *at)
{
	bool found = false;

	if (at->node->kind != NODE_MAP)
		return false;
	for (const struct node *c = at->node->first; c; c = c->next) {
		const struct schema_key *key = schema_find(at->key->path,
			c->key->text);
		char path[PATH_SIZE];

		if (!key || key->type != SCHEMA_LATER)
			continue;
		snprintf(path, sizeof(path), "%s.%s", at->path,
			schema_name(key));
		not_yet(r, c, path);
		found = true;
	}
	return found;
}

static void wrong_choice(struct reader *r, const struct place *at)
{
	char found[FOUND_SIZE], expected[SCHEMA_EXPECTED_SIZE];
	const char *text = at->node->text;
	struct nearest nearest;
	bool later = false;

	nearest_init(&nearest, text);
	for (const struct schema_choice *c = at->key->choices; c->name; c++) {
		if (c->value >= 0)
			nearest_offer(&nearest, c->name);
		else if (strcmp(c->name, text) == 0)
			later = true;
	}
	schema_expected(at->key, expected);
	problems_found(text, found);
	if (later)
		problems_add(r->problems, at->node->line, at->node->column,
			"%s: %s is not supported by this version, expected %s",
			at->path, found, expected);
	else
		problems_add(r->problems, at->node->line, at->node->column,
			"%s: found %s, expected %s%s%s%s", at->path, found,
			expected, nearest.found ? "; did you mean '" : "",
			nearest.found ? nearest.found : "",
			nearest.found ? "'?" : "");
}

/* One text, of a value or of an item of a list. */
static bool store(struct reader *r, const struct place *at,
	const struct node *node)
{
	bool oom = false, stored;

	if (node->kind != NODE_SCALAR || node_is_null(node) ||
		(node->quoted && !value_is_text(at->key)) ||
		problems_secret(node->text))
		stored = false; /* what is stored may be shown */
	else
		stored = value_store(at->key, node->text, r->context, at->base,
			&oom);
	if (oom)
		r->problems->failed = true;
	else if (!stored && at->key->type == SCHEMA_CHOICE &&
		node->kind == NODE_SCALAR && !node_is_null(node))
		wrong_choice(r, at);
	else if (!stored)
		wrong(r, at, node);
	return stored && !oom;
}

static void remember_scalar(struct reader *r, const struct place *at,
	const char *text)
{
	const char *const *stored = (const void *)((char *)at->base +
		at->key->offset);

	/* a path is shown as it was understood */
	remember(r, at, at->key->type == SCHEMA_PATH ? *stored : text);
}

static void read_scalar(struct reader *r, const struct place *at)
{
	if (later_children(r, at))
		return;
	if (store(r, at, at->node))
		remember_scalar(r, at, at->node->text);
}

static void remember_list(struct reader *r, const struct place *at)
{
	char *const *list = *(char *const *const *)((char *)at->base +
		at->key->offset);
	auto_buf struct dr_buf text;

	dr_buf_init(&text, 64 * 1024);
	for (size_t i = 0; list && list[i]; i++) {
		dr_buf_addstr(&text, i ? ", " : "");
		dr_buf_addstr(&text, list[i]);
	}
	if (text.failed)
		r->problems->failed = true;
	remember(r, at, text.data);
}

static void read_list(struct reader *r, const struct place *at)
{
	char found[FOUND_SIZE];

	if (at->node->kind != NODE_LIST) {
		problems_add(r->problems, at->node->line, at->node->column,
			"%s: found %s, expected a list in brackets", at->path,
			what_is(at->node, found));
		return;
	}
	for (const struct node *c = at->node->first; c; c = c->next)
		store(r, at, c);
	remember_list(r, at);
}

static void read_variable(struct reader *r, const struct place *at,
	const struct node *node)
{
	char path[PATH_SIZE], found[FOUND_SIZE];
	struct place shown = {.path = path, .node = node};
	const char *name = node->key->text;

	snprintf(path, sizeof(path), "%s.%.256s", at->path, name);
	if (!check_variable(name)) {
		problems_add(r->problems, node->key->line, node->key->column,
			"%s: found %s, expected the name of an environment "
			"variable",
			at->path, problems_found(name, found));
	} else if (check_variable_is_ours(name)) {
		problems_add(r->problems, node->key->line, node->key->column,
			"%s: %s is what deskrun itself sets", at->path, name);
	} else if (node->kind != NODE_SCALAR || node_is_null(node)) {
		if (node->kind != NODE_BROKEN)
			problems_add(r->problems, node->line, node->column,
				"%s: found %s, expected text (\"\" is an empty "
				"one)",
				path, what_is(node, found));
	} else {
		if (strv_addf((char ***)((char *)at->base + at->key->offset),
			    "%s=%s", name, node->text) < 0)
			r->problems->failed = true;
		remember(r, &shown, "(not shown)");
	}
}

static void read_env(struct reader *r, const struct place *at)
{
	if (at->node->kind != NODE_MAP) {
		wrong(r, at, at->node);
		return;
	}
	for (const struct node *c = at->node->first; c; c = c->next)
		read_variable(r, at, c);
}

static void read_pools(struct reader *r, const struct place *at)
{
	struct config *config = r->config;
	size_t i = 0;

	if (at->node->kind != NODE_LIST || at->node->n_children == 0) {
		wrong(r, at, at->node);
		return;
	}
	config->pools = calloc(at->node->n_children, sizeof(*config->pools));
	if (!config->pools) {
		r->problems->failed = true;
		return;
	}
	config->n_pools = at->node->n_children;
	for (const struct node *c = at->node->first; c; c = c->next, i++) {
		char path[PATH_SIZE];
		struct scope scope = {
			.parent = "pools[]",
			.path = path,
			.map = c,
			.base = &config->pools[i],
		};

		snprintf(path, sizeof(path), "pools[%zu]", i);
		if (c->kind == NODE_MAP)
			read_scope(r, &scope);
		else if (c->kind != NODE_BROKEN)
			problems_add(r->problems, c->line, c->column,
				"%s: expected a map with name and target",
				path);
	}
}

static void read_map(struct reader *r, const struct place *at)
{
	struct scope scope = {
		.parent = at->key->path,
		.path = at->path,
		.map = at->node,
		.base = at->base,
	};

	if (at->node && at->node->kind != NODE_MAP)
		wrong(r, at, at->node);
	else
		read_scope(r, &scope);
}

/* The key that somebody may have meant by an unknown one, or NULL. */
static const struct schema_key *meant_key(const char *parent, const char *name)
{
	const struct schema_key *known = NULL;
	struct nearest nearest;

	nearest_init(&nearest, name);
	while ((known = schema_below(parent, known)))
		nearest_offer(&nearest, schema_name(known));
	return nearest.found ? schema_find(parent, nearest.found) : NULL;
}

/* A required key that is there, but misspelt, was reported as unknown. */
static void missing(struct reader *r, const struct scope *scope,
	const struct schema_key *key)
{
	char expected[SCHEMA_EXPECTED_SIZE];

	for (const struct node *c = scope->map->first; c; c = c->next)
		if (!schema_find(scope->parent, c->key->text) &&
			meant_key(scope->parent, c->key->text) == key)
			return;
	problems_add(r->problems, scope->map->line, scope->map->column,
		"'%s' is missing%s%s, expected %s", schema_name(key),
		*scope->path ? " in " : "", scope->path,
		schema_expected(key, expected));
}

/* What the table, or the surroundings, have for a key that is absent. */
static void read_default(struct reader *r, const struct place *at,
	const struct scope *scope)
{
	const struct schema_key *key = at->key;
	const char *text = key->fallback;
	char expected[SCHEMA_EXPECTED_SIZE];
	bool oom = false;

	if ((key->flags & SCHEMA_DATA) && r->context->data)
		text = r->context->data;
	if (key->flags & SCHEMA_REQUIRED) {
		missing(r, scope, key);
		return;
	}
	if (!text)
		return;
	if (!value_store(key, text, r->context, at->base, &oom)) {
		problems_add(r->problems, 0, 0, "%s: the default %s is not %s",
			at->path, text, schema_expected(key, expected));
		return;
	}
	if (oom)
		r->problems->failed = true;
	else
		remember_scalar(r, at, text);
}

static void (*const readers[])(struct reader *, const struct place *) = {
	[SCHEMA_MAP] = read_map,
	[SCHEMA_POOLS] = read_pools,
	[SCHEMA_TEXT] = read_scalar,
	[SCHEMA_PATH] = read_scalar,
	[SCHEMA_NUMBER] = read_scalar,
	[SCHEMA_CPUS] = read_scalar,
	[SCHEMA_SIZE] = read_scalar,
	[SCHEMA_FLAG] = read_scalar,
	[SCHEMA_CHOICE] = read_scalar,
	[SCHEMA_TEXTS] = read_list,
	[SCHEMA_PATHS] = read_list,
	[SCHEMA_ENV] = read_env,
};

static void read_key(struct reader *r, const struct scope *scope,
	const struct schema_key *key)
{
	char path[PATH_SIZE];
	struct place at = {
		.key = key,
		.path = path,
		.node = node_get(scope->map, schema_name(key)),
		.base = scope->base,
	};

	path_of(scope, schema_name(key), path);
	if (key->type == SCHEMA_LATER && at.node)
		not_yet(r, at.node, path);
	else if (key->type == SCHEMA_LATER)
		return;
	else if (!at.node && key->type != SCHEMA_MAP)
		read_default(r, &at, scope);
	else if (!at.node || at.node->kind != NODE_BROKEN)
		readers[key->type](r, &at);
}

/* The keys that are known here: for somebody who is far off. */
static void list_known(const char *parent, char *out, size_t size)
{
	const struct schema_key *key = NULL;
	size_t len = 0;

	out[0] = '\0';
	while ((key = schema_below(parent, key))) {
		int n;

		if (key->type == SCHEMA_LATER)
			continue;
		n = snprintf(out + len, size - len, "%s%s", len ? ", " : "",
			schema_name(key));
		if (n < 0 || (size_t)n >= size - len)
			return;
		len += (size_t)n;
	}
}

static void unknown_key(struct reader *r, const struct scope *scope,
	const struct node *key)
{
	const struct schema_key *meant = meant_key(scope->parent, key->text);
	char found[FOUND_SIZE], list[192];

	problems_found(key->text, found);
	list_known(scope->parent, list, sizeof(list));
	if (meant)
		problems_add(r->problems, key->line, key->column,
			"unknown key %s%s%s; did you mean '%s'?", found,
			*scope->path ? " in " : "", scope->path,
			schema_name(meant));
	else
		problems_add(r->problems, key->line, key->column,
			"unknown key %s%s%s, expected one of %s", found,
			*scope->path ? " in " : "", scope->path, list);
}

static void read_scope(struct reader *r, const struct scope *scope)
{
	const struct schema_key *key = NULL;

	if (scope->map)
		for (const struct node *c = scope->map->first; c; c = c->next)
			if (!schema_find(scope->parent, c->key->text))
				unknown_key(r, scope, c->key);
	while ((key = schema_below(scope->parent, key)))
		read_key(r, scope, key);
}

void read_config(const struct node *root, const struct config_context *context,
	struct config *config, struct config_problems *problems)
{
	struct reader r = {
		.context = context,
		.config = config,
		.problems = problems,
	};
	struct scope top = {
		.parent = "",
		.path = "",
		.map = root,
		.base = config,
	};

	read_scope(&r, &top);
}
