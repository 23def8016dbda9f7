#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/strv.h"

/* Between columns */
#define GAP 2
/* Largest text of a table, bytes */
#define OUTPUT_MAX (64 * 1024 * 1024)

void table_init(struct table *t, const struct table_column *columns,
	size_t n_columns)
{
	*t = (struct table){.columns = columns, .n_columns = n_columns};
}

void table_clear(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++) {
		free(t->cells[i].shown);
		free(t->cells[i].text);
		strv_free(t->cells[i].list);
	}
	free(t->cells);
	*t = (struct table){0};
}

static struct table_cell *add(struct table *t, enum table_kind kind)
{
	size_t n = t->n_cells;
	struct table_cell *grown;

	if (n == 0 || (n >= 64 && (n & (n - 1)) == 0)) {
		grown = reallocarray(t->cells, n == 0 ? 64 : 2 * n,
			sizeof(*grown));
		if (!grown) {
			t->failed = true;
			return NULL;
		}
		t->cells = grown;
	}
	t->cells[n] = (struct table_cell){.kind = kind};
	t->n_cells++;
	return &t->cells[n];
}

void table_text(struct table *t, const char *text)
{
	struct table_cell *cell = add(t, text ? TABLE_TEXT : TABLE_NULL);

	if (!cell || !text)
		return;
	cell->text = strdup(text);
	if (!cell->text)
		t->failed = true;
}

void table_number(struct table *t, int64_t number)
{
	struct table_cell *cell = add(t, TABLE_NUMBER);

	if (cell)
		cell->number = number;
}

void table_flag(struct table *t, bool flag)
{
	struct table_cell *cell = add(t, TABLE_FLAG);

	if (cell)
		cell->number = flag;
}

void table_list(struct table *t, char *const *list)
{
	struct table_cell *cell = add(t, TABLE_LIST);

	if (!cell)
		return;
	cell->list = strv_dup(list);
	if (!cell->list)
		t->failed = true;
}

void table_show_as(struct table *t, const char *shown)
{
	struct table_cell *cell;

	if (t->n_cells == 0 || t->failed)
		return;
	cell = &t->cells[t->n_cells - 1];
	free(cell->shown);
	cell->shown = strdup(shown);
	if (!cell->shown)
		t->failed = true;
}

/*
 * The next character of UTF-8 text as far as columns are concerned: *p goes
 * on, *columns is its width; false for what must not reach a terminal.
 */
static bool next_char(const char **p, unsigned *columns)
{
	unsigned char c = (unsigned char)**p;
	unsigned code = c, more = 0;

	if (c >= 0xf0) {
		code = c & 0x07u;
		more = 3;
	} else if (c >= 0xe0) {
		code = c & 0x0fu;
		more = 2;
	} else if (c >= 0xc0) {
		code = c & 0x1fu;
		more = 1;
	}
	(*p)++;
	*columns = 1;
	if (c >= 0x80 && more == 0)
		return false;
	for (; more > 0; more--) {
		if ((**p & 0xc0) != 0x80)
			return false;
		code = code << 6 | ((unsigned char)*(*p)++ & 0x3fu);
	}
	/* C0, DEL and C1, then the marks that turn the direction of text */
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) ||
		(code >= 0x202a && code <= 0x202e) ||
		(code >= 0x2066 && code <= 0x2069))
		return false;
	if ((code >= 0x300 && code < 0x370) ||
		(code >= 0x200b && code <= 0x200f) || code == 0xfe0f)
		*columns = 0; /* combines with what is before it */
	else if ((code >= 0x1100 && code < 0x1160) ||
		(code >= 0x2e80 && code < 0xd7a4) ||
		(code >= 0xff00 && code < 0xff61) ||
		(code >= 0x1f300 && code < 0x1fb00))
		*columns = 2;
	return true;
}

/* Adds the text as it may be shown; returns its width. */
static size_t add_shown(struct dr_buf *out, const char *text)
{
	size_t width = 0;

	while (*text) {
		const char *start = text;
		unsigned columns;

		if (next_char(&text, &columns))
			dr_buf_add(out, start, (size_t)(text - start));
		else
			dr_buf_addstr(out, "?");
		width += columns;
	}
	return width;
}

/* The text of a cell, before it is made fit to be shown */
static void cell_text(const struct table_cell *cell, struct dr_buf *out)
{
	dr_buf_reset(out);
	if (cell->shown)
		dr_buf_addstr(out, cell->shown);
	else if (cell->kind == TABLE_TEXT)
		dr_buf_addstr(out, cell->text);
	else if (cell->kind == TABLE_NUMBER)
		dr_buf_addf(out, "%lld", (long long)cell->number);
	else if (cell->kind == TABLE_FLAG)
		dr_buf_addstr(out, cell->number ? "yes" : "no");
	else if (cell->kind == TABLE_LIST)
		for (size_t i = 0; cell->list[i]; i++)
			dr_buf_addf(out, "%s%s", i ? "," : "", cell->list[i]);
	if (out->len == 0)
		dr_buf_addstr(out, "-");
}

static size_t cell_width(const struct table_cell *cell)
{
	auto_buf struct dr_buf raw, shown;

	dr_buf_init(&raw, OUTPUT_MAX);
	dr_buf_init(&shown, OUTPUT_MAX);
	cell_text(cell, &raw);
	return add_shown(&shown, raw.data);
}

static void add_spaces(struct dr_buf *out, size_t n)
{
	dr_buf_addf(out, "%*s", (int)n, "");
}

/* One cell in a column of that width; the last one has no spaces after it. */
static void add_cell(struct dr_buf *out, const struct table_cell *cell,
	size_t width, bool last)
{
	size_t own = cell_width(cell);
	size_t pad = width > own ? width - own : 0;
	bool right = cell->kind == TABLE_NUMBER && !cell->shown;
	auto_buf struct dr_buf raw;

	dr_buf_init(&raw, OUTPUT_MAX);
	cell_text(cell, &raw);
	if (right)
		add_spaces(out, pad);
	add_shown(out, raw.data);
	if (!last)
		add_spaces(out, GAP + (right ? 0 : pad));
}

static bool is_last(const struct table *t, size_t column)
{
	for (size_t i = column + 1; i < t->n_columns; i++)
		if (t->columns[i].title)
			return false;
	return true;
}

static void add_line(const struct table *t, const struct table_cell *cells,
	const size_t *widths, struct dr_buf *out)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		struct table_cell title = {
			.kind = TABLE_TEXT,
			.text = (char *)t->columns[i].title,
		};

		if (t->columns[i].title)
			add_cell(out, cells ? &cells[i] : &title, widths[i],
				is_last(t, i));
	}
	dr_buf_addstr(out, "\n");
}

static int table_aligned(const struct table *t, struct dr_buf *out)
{
	auto_free size_t *widths = calloc(t->n_columns, sizeof(*widths));

	if (!widths)
		return -1;
	for (size_t i = 0; i < t->n_columns; i++)
		widths[i] = t->columns[i].title ? strlen(t->columns[i].title)
						: 0;
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t width = cell_width(&t->cells[i]);

		if (width > widths[i % t->n_columns])
			widths[i % t->n_columns] = width;
	}
	add_line(t, NULL, widths, out);
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		add_line(t, &t->cells[i], widths, out);
	return out->failed ? -1 : 0;
}

static int print(struct dr_buf *text, FILE *to, struct dr_err *err)
{
	if (fwrite(text->data, 1, text->len, to) != text->len)
		return dr_err_errno(err, DR_FAILED,
			"write the standard output");
	return 0;
}

int table_print(const struct table *t, enum cli_output output, FILE *to,
	struct dr_err *err)
{
	auto_buf struct dr_buf text;
	int rc;

	dr_buf_init(&text, OUTPUT_MAX);
	if (t->failed)
		return dr_err_oom(err);
	if (output == CLI_JSON) {
		rc = table_json(t, &text);
		dr_buf_addstr(&text, "\n");
	} else {
		rc = table_aligned(t, &text);
	}
	if (rc < 0 || text.failed)
		return dr_err_oom(err);
	return print(&text, to, err);
}

int table_print_object(const struct table *t, FILE *to, struct dr_err *err)
{
	auto_buf struct dr_buf text;

	dr_buf_init(&text, OUTPUT_MAX);
	if (t->failed || table_json_object(t, &text) < 0 ||
		dr_buf_addstr(&text, "\n") < 0)
		return dr_err_oom(err);
	return print(&text, to, err);
}
