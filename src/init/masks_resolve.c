/* Names as people write them, into places of this machine. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "init/masks.h"
#include "util/cleanup.h"

static int add_at(const struct mask *like, const char *path,
	struct mask_list *out, struct dr_err *err)
{
	struct mask m = *like;

	m.path = (char *)path;
	return mask_list_add(out, &m, err);
}

/*
 * A secret that is not there yet is masked as well, so that one which is
 * installed tomorrow is not seen by the day after's jobs; but not when even
 * its directory is missing, which would then appear in every world.
 */
static int add_resolved(const struct mask *m, const char *path,
	struct mask_list *out, struct dr_err *err)
{
	auto_free char *real = path_resolve(path);
	char *slash;
	struct stat st;

	if (!real)
		return dr_err_errno(err, DR_ENGINE, "resolve %s", path);
	if (m->kind == MASK_EMPTY)
		return add_at(m, real, out, err);
	slash = strrchr(real, '/');
	*slash = '\0';
	if (stat(slash == real ? "/" : real, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	*slash = '/';
	if (m->kind == MASK_CLEANED && stat(real, &st) < 0)
		return 0;
	return add_at(m, real, out, err);
}

static int add_matching(const struct mask *m, struct mask_list *out,
	struct dr_err *err)
{
	const char *pattern = strrchr(m->path, '/') + 1;
	auto_free char *dirname = strndup(m->path,
		(size_t)(pattern - 1 - m->path));
	auto_closedir DIR *dir = NULL;
	struct dirent *e;

	if (!dirname)
		return dr_err_oom(err);
	dir = opendir(dirname);
	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		auto_free char *path = NULL;

		if (!pattern_matches(pattern, e->d_name))
			continue;
		if (asprintf(&path, "%s/%s", dirname, e->d_name) < 0)
			return dr_err_oom(err);
		if (add_resolved(m, path, out, err) < 0)
			return -1;
	}
	return 0;
}

int masks_resolve(const struct mask_list *in, struct mask_list *out,
	struct dr_err *err)
{
	for (size_t i = 0; i < in->n; i++) {
		const struct mask *m = &in->v[i];
		int rc;

		/* only names of ours are patterns */
		if (m->builtin && m->kind == MASK_HIDE && strchr(m->path, '*'))
			rc = add_matching(m, out, err);
		else
			rc = add_resolved(m, m->path, out, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}
