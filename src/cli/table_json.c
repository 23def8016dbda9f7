/* Tables as JSON; pure. */
#include <string.h>

#include "cli/table.h"
#include "util/cleanup.h"
#include "util/json.h"

/* What a job wrote need not be UTF-8, and JSON has nothing else. */
static json_t *text_json(const char *text)
{
	json_t *j = json_string(text);
	auto_free char *ascii = j ? NULL : strdup(text);

	for (char *c = ascii; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return j || !ascii ? j : json_string(ascii);
}

static json_t *cell_json(const struct table_cell *cell)
{
	json_t *array;

	switch (cell->kind) {
	case TABLE_TEXT:
		return text_json(cell->text);
	case TABLE_NUMBER:
		return json_integer(cell->number);
	case TABLE_FLAG:
		return json_boolean(cell->number);
	case TABLE_LIST:
		array = json_array();
		for (char **s = cell->list; *s; s++)
			json_array_append_new(array, text_json(*s));
		return array;
	case TABLE_NULL:
		break;
	}
	return json_null();
}

static json_t *row_json(const struct table *t, size_t first)
{
	json_t *row = json_object();

	for (size_t i = 0; i < t->n_columns; i++)
		json_object_set_new(row, t->columns[i].key,
			cell_json(&t->cells[first + i]));
	return row;
}

int table_json(const struct table *t, struct dr_buf *out)
{
	auto_json json_t *rows = json_array();

	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		if (json_array_append_new(rows, row_json(t, i)) < 0)
			return -1;
	return json_write(rows, out);
}

int table_json_object(const struct table *t, struct dr_buf *out)
{
	auto_json json_t *row = NULL;

	if (t->n_cells < t->n_columns)
		return -1;
	row = row_json(t, 0);
	return json_write(row, out);
}
