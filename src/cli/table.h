/*
 * Results: aligned columns for people, or a JSON array of objects with the
 * same keys (-o json).
 *
 * Rows are built cell by cell, as many as there are columns:
 *
 *	table_text(&t, runner->name);
 *	table_number(&t, runner->id);
 *
 * Cells are copied. Lack of memory is remembered and reported by
 * table_print(), so that building needs no checks.
 */
#ifndef DESKRUN_CLI_TABLE_H
#define DESKRUN_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/cli.h"
#include "util/buf.h"
#include "util/err.h"

struct table_column {
	const char *key;   /* in JSON: "runner_id" */
	const char *title; /* "ID"; NULL: only in JSON */
};

enum table_kind {
	TABLE_NULL,
	TABLE_TEXT,
	TABLE_NUMBER, /* to the right in its column */
	TABLE_FLAG,
	TABLE_LIST,
};

struct table_cell {
	enum table_kind kind;
	char *shown; /* what people see */
	char *text;  /* TABLE_TEXT: what JSON has */
	char **list;
	int64_t number; /* or flag */
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	struct table_cell *cells; /* row by row */
	size_t n_cells;
	bool failed;
};

/* columns is borrowed. */
void table_init(struct table *t, const struct table_column *columns,
	size_t n_columns);
void table_clear(struct table *t);
#define auto_table __attribute__((cleanup(table_clear)))

/* NULL is an empty cell: "-", and null in JSON. */
void table_text(struct table *t, const char *text);
void table_number(struct table *t, int64_t number);
void table_flag(struct table *t, bool flag);
void table_list(struct table *t, char *const *list);
/* People see shown instead of what the cell added last says. */
void table_show_as(struct table *t, const char *shown);

/*
 * Writes the whole table. Control characters in cells become "?": they may
 * come from a job. An empty table is its header, or [].
 */
int table_print(const struct table *t, enum cli_output output, FILE *to,
	struct dr_err *err);

/* The first row alone, as one JSON object. */
int table_print_object(const struct table *t, FILE *to, struct dr_err *err);

/* The JSON alone, without a line end; pure. -1 without memory. */
int table_json(const struct table *t, struct dr_buf *out);
int table_json_object(const struct table *t, struct dr_buf *out);

#endif
