#include "init/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "util/cleanup.h"
#include "util/strv.h"

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++, out++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
			s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				(s[3] - '0'));
			s += 3;
		} else {
			*out = *s;
		}
	}
	*out = '\0';
}

static unsigned long parse_flags(char *options)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} known[] = {{"ro", MS_RDONLY}, {"nosuid", MS_NOSUID},
		{"nodev", MS_NODEV}, {"noexec", MS_NOEXEC}};
	unsigned long flags = 0;
	char *option;

	while ((option = strsep(&options, ",")))
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (strcmp(option, known[i].name) == 0)
				flags |= known[i].flag;
	return flags;
}

static void entry_clear(struct mount_entry *e)
{
	free(e->root);
	free(e->point);
	free(e->type);
	free(e->super);
}

void mount_table_clear(struct mount_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		entry_clear(&t->v[i]);
	free(t->v);
	*t = (struct mount_table){0};
}

/*
 * 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=…
 * Returns -1 for a line that is none.
 */
static int split(char *line, struct mount_entry *e)
{
	char *tail = strstr(line, " - ");
	char *head[6], *rest[3];

	if (!tail)
		return -1;
	*tail = '\0';
	tail += 3;
	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		if (!(head[i] = strsep(&line, " ")))
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		if (!(rest[i] = strsep(&tail, " ")))
			return -1;
	unescape(head[3]);
	unescape(head[4]);
	*e = (struct mount_entry){
		.id = atoi(head[0]),
		.parent = atoi(head[1]),
		.flags = parse_flags(head[5]),
		.root = strdup(head[3]),
		.point = strdup(head[4]),
		.type = strdup(rest[0]),
		.super = strdup(rest[2]),
	};
	return 0;
}

static int table_add(struct mount_table *t, const struct mount_entry *e,
	struct dr_err *err)
{
	struct mount_entry *grown = NULL;

	if (e->root && e->point && e->type && e->super)
		grown = reallocarray(t->v, t->n + 1, sizeof(*grown));
	if (!grown)
		return dr_err_oom(err);
	grown[t->n++] = *e;
	t->v = grown;
	return 0;
}

int mount_table_parse(const char *text, struct mount_table *t,
	struct dr_err *err)
{
	auto_free char *copy = strdup(text);
	char *rest = copy;
	char *line;

	if (!copy)
		return dr_err_oom(err);
	while ((line = strsep(&rest, "\n"))) {
		struct mount_entry e;

		if (*line == '\0')
			continue;
		if (split(line, &e) < 0)
			return dr_err_set(err, DR_ENGINE,
				"mountinfo: cannot read \"%s\"", line);
		if (table_add(t, &e, err) < 0) {
			entry_clear(&e);
			return -1;
		}
	}
	return 0;
}

static const struct mount_entry *by_id(const struct mount_table *t, int id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].id == id)
			return &t->v[i];
	return NULL;
}

/* Something is mounted on the root of this mount. */
static bool covered(const struct mount_table *t, const struct mount_entry *e)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].parent == e->id && t->v[i].id != e->id &&
			strcmp(t->v[i].point, e->point) == 0)
			return true;
	return false;
}

/* A later mount, nearer to the root, lies over it or over what it is on. */
static bool buried(const struct mount_table *t, const struct mount_entry *e)
{
	/* a loop cannot be longer than the table */
	for (size_t depth = 0; e && depth < t->n; depth++) {
		for (size_t i = 0; i < t->n; i++) {
			const struct mount_entry *o = &t->v[i];

			if (o != e && o->parent == e->parent &&
				o->id != e->id &&
				path_within(e->point, o->point) &&
				strcmp(e->point, o->point) != 0 &&
				by_id(t, e->parent))
				return true;
		}
		e = by_id(t, e->parent);
	}
	return false;
}

static bool visible(const struct mount_table *t, const struct mount_entry *e)
{
	return !covered(t, e) && !buried(t, e);
}

const struct mount_entry *mount_at(const struct mount_table *t,
	const char *point)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].point, point) == 0 && visible(t, &t->v[i]))
			return &t->v[i];
	return NULL;
}

const struct mount_entry *mount_of(const struct mount_table *t,
	const char *path)
{
	const struct mount_entry *deepest = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct mount_entry *e = &t->v[i];

		if (path_within(path, e->point) && visible(t, e) &&
			(!deepest || strlen(e->point) > strlen(deepest->point)))
			deepest = e;
	}
	return deepest;
}
