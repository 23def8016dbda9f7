/*
 * YAML as a tree whose every node knows its place in the text.
 *
 * A subset: one document, no anchors, aliases or tags, no key twice, keys are
 * plain words, bounded depth and size. Pure.
 */
#ifndef DESKRUN_CONFIG_YAML_H
#define DESKRUN_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum node_kind {
	NODE_SCALAR,
	NODE_LIST,
	NODE_MAP,
	NODE_BROKEN, /* was reported: nothing more is to be said about it */
};

struct node {
	enum node_kind kind;
	int line, column;
	bool quoted;	  /* scalar: written in quotes or as a block */
	char *text;	  /* scalar */
	struct node *key; /* of a map's child: its key, a scalar */
	struct node *first, *last, *next; /* children, and siblings */
	size_t n_children;
};

/*
 * The root of the one document, to be freed; NULL when there is none. What is
 * wrong is added to problems; a tree that comes with problems has
 * NODE_BROKEN where they are.
 */
struct node *yaml_tree(const char *text, size_t len,
	struct config_problems *problems);
void node_free(struct node *node);

/* The value of a key in a map; NULL when absent or node is no map. */
const struct node *node_get(const struct node *node, const char *key);
/* Whether a scalar says nothing: "", ~ or null. */
bool node_is_null(const struct node *node);

#endif
