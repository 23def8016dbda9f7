#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/problems.h"

/* A configuration is four deep; a parser's stack is not to be tried. */
#define MAX_DEPTH 12
/* Keys are compared with all before them. */
#define MAX_KEYS 1000

struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	struct config_problems *problems;
};

static struct node *read_node(struct reader *r, const yaml_event_t *event,
	int depth);

static struct node *node_new(enum node_kind kind, const yaml_event_t *event)
{
	struct node *node = calloc(1, sizeof(*node));

	if (node) {
		node->kind = kind;
		node->line = (int)event->start_mark.line + 1;
		node->column = (int)event->start_mark.column + 1;
	}
	return node;
}

void node_free(struct node *node)
{
	while (node) {
		struct node *next = node->next;

		node_free(node->key);
		node_free(node->first);
		free(node->text);
		free(node);
		node = next;
	}
}

static void append(struct node *parent, struct node *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n_children++;
}

const struct node *node_get(const struct node *node, const char *key)
{
	if (!node || node->kind != NODE_MAP)
		return NULL;
	for (const struct node *c = node->first; c; c = c->next)
		if (strcmp(c->key->text, key) == 0)
			return c;
	return NULL;
}

bool node_is_null(const struct node *node)
{
	return node->kind == NODE_SCALAR && !node->quoted &&
		(*node->text == '\0' || strcmp(node->text, "~") == 0 ||
			strcmp(node->text, "null") == 0);
}

/* The column of a tab in the indentation of a line (from 0), or 0. */
static int tab_in_indent(const struct reader *r, size_t line)
{
	const char *p = r->text, *end = r->text + r->len;

	for (; line > 0 && p; line--) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	for (int column = 1; p && p < end; p++, column++) {
		if (*p == '\t')
			return column;
		if (*p != ' ')
			break;
	}
	return 0;
}

/* The place of a byte that is no UTF-8: libyaml gives its offset alone. */
static void bad_byte(struct reader *r)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < r->parser.problem_offset && i < r->len; i++) {
		column++;
		if (r->text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	problems_add(r->problems, line, column,
		"found %s, expected text in "
		"UTF-8",
		r->parser.problem);
}

/* Nothing can be read after an error of syntax. */
static void syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	int line = (int)p->problem_mark.line + 1;
	int tab = tab_in_indent(r, p->problem_mark.line);

	if (p->error == YAML_MEMORY_ERROR)
		r->problems->failed = true;
	else if (p->error == YAML_READER_ERROR)
		bad_byte(r);
	else if (tab > 0)
		problems_add(r->problems, line, tab,
			"found a tab in the indentation, expected spaces");
	else
		problems_add(r->problems, line, (int)p->problem_mark.column + 1,
			"not valid YAML: %s%s%s", p->problem,
			p->context ? " " : "", p->context ? p->context : "");
}

static int next(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return 0;
	syntax(r);
	return -1;
}

/* Anchors make one place of a file change another; tags change types. */
static bool is_refused(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	const char *what = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (event->type == YAML_ALIAS_EVENT)
		what = "an alias";
	else if (anchor)
		what = "an anchor";
	else if (tag)
		what = "a tag";
	if (what)
		problems_add(r->problems, (int)event->start_mark.line + 1,
			(int)event->start_mark.column + 1,
			"found %s, expected the value itself", what);
	return what;
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *event)
{
	struct node *node = node_new(NODE_SCALAR, event);
	const char *value = (const char *)event->data.scalar.value;

	if (!node)
		return NULL;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = strdup(value);
	if (!node->text) {
		free(node);
		return NULL;
	}
	if (strlen(value) != event->data.scalar.length) {
		node->kind = NODE_BROKEN;
		problems_add(r->problems, node->line, node->column,
			"found a NUL character, expected text");
	}
	return node;
}

/* Adds what follows as children until the end of a list. */
static int read_items(struct reader *r, struct node *list, int depth)
{
	for (;;) {
		struct node *item = NULL;
		yaml_event_t event;
		bool end;

		if (next(r, &event) < 0)
			return -1;
		end = event.type == YAML_SEQUENCE_END_EVENT;
		if (!end)
			item = read_node(r, &event, depth + 1);
		yaml_event_delete(&event);
		if (end)
			return 0;
		if (!item)
			return -1;
		append(list, item);
	}
}

/* Takes the key over in any case. */
static int read_member(struct reader *r, struct node *map, struct node *key,
	int depth)
{
	const struct node *before;
	struct node *value;
	yaml_event_t event;

	if (next(r, &event) < 0) {
		node_free(key);
		return -1;
	}
	value = read_node(r, &event, depth + 1);
	yaml_event_delete(&event);
	if (!value || key->kind != NODE_SCALAR || map->n_children >= MAX_KEYS) {
		if (value && key->kind != NODE_BROKEN)
			problems_add(r->problems, key->line, key->column,
				key->kind == NODE_SCALAR
					? "more than 1000 keys in one map"
					: "found a list or map as a key, "
					  "expected a word");
		node_free(key);
		node_free(value);
		return value ? 0 : -1;
	}
	value->key = key;
	before = node_get(map, key->text);
	if (before) {
		char found[FOUND_SIZE];

		problems_add(r->problems, key->line, key->column,
			"key %s again; it is already on line %d",
			problems_found(key->text, found), before->key->line);
		node_free(value);
		return 0;
	}
	append(map, value);
	return 0;
}

static int read_members(struct reader *r, struct node *map, int depth)
{
	for (;;) {
		struct node *key = NULL;
		yaml_event_t event;
		bool end;

		if (next(r, &event) < 0)
			return -1;
		end = event.type == YAML_MAPPING_END_EVENT;
		if (!end)
			key = read_node(r, &event, depth + 1);
		yaml_event_delete(&event);
		if (end)
			return 0;
		if (!key || read_member(r, map, key, depth) < 0)
			return -1;
	}
}

/* NULL ends the reading: without memory, or with a problem of syntax. */
static struct node *read_node(struct reader *r, const yaml_event_t *event,
	int depth)
{
	bool refused = is_refused(r, event);
	struct node *node;
	int rc = 0;

	if (depth > MAX_DEPTH) {
		problems_add(r->problems, (int)event->start_mark.line + 1,
			(int)event->start_mark.column + 1,
			"nested too deep: no key lies below here");
		return NULL;
	}
	if (event->type == YAML_SCALAR_EVENT) {
		node = read_scalar(r, event);
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		node = node_new(NODE_LIST, event);
		rc = node ? read_items(r, node, depth) : -1;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		node = node_new(NODE_MAP, event);
		rc = node ? read_members(r, node, depth) : -1;
	} else {
		node = node_new(NODE_BROKEN, event);
	}
	if (!node)
		r->problems->failed = true;
	if (rc < 0) {
		node_free(node);
		return NULL;
	}
	if (node && refused)
		node->kind = NODE_BROKEN;
	return node;
}

/* Reads up to the first document's end and looks for a second one. */
static struct node *read_stream(struct reader *r)
{
	struct node *root = NULL;
	int documents = 0;

	for (bool end = false; !end;) {
		yaml_event_t event;

		if (next(r, &event) < 0)
			break;
		if (event.type == YAML_DOCUMENT_START_EVENT)
			documents++;
		if (event.type == YAML_DOCUMENT_START_EVENT && documents > 1) {
			problems_add(r->problems,
				(int)event.start_mark.line + 1,
				(int)event.start_mark.column + 1,
				"found a second document, expected one");
			end = true;
		} else if (event.type >= YAML_ALIAS_EVENT) {
			root = read_node(r, &event, 0);
			end = !root;
		}
		end = end || event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	return root;
}

struct node *yaml_tree(const char *text, size_t len,
	struct config_problems *problems)
{
	struct reader r = {.problems = problems};
	struct node *root;

	/* libyaml skips it only where it is to find out the encoding */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	r.text = text;
	r.len = len;

	if (!yaml_parser_initialize(&r.parser)) {
		problems->failed = true;
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text,
		len);
	root = read_stream(&r);
	yaml_parser_delete(&r.parser);
	return root;
}
