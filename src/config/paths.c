#include "config/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In place; the path is absolute. */
static void tidy(char *path)
{
	char *out = path;

	for (const char *p = path; *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len > 0 && !(len == 1 && *p == '.')) {
			*out++ = '/';
			memmove(out, p, len);
			out += len;
		}
		p += len;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

char *path_resolve(const char *path, const char *dir, const char *home)
{
	const char *base = "";
	char *out;

	if (*path == '~' && (path[1] == '/' || path[1] == '\0')) {
		base = home;
		path++;
	} else if (*path != '/') {
		base = dir;
	}
	if (!base) {
		errno = ENOENT;
		return NULL;
	}
	if (asprintf(&out, "%s/%s", base, path) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	tidy(out);
	return out;
}
