#include "archive/member.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "archive/unpack.h"

static bool is(const char *part, size_t len, const char *what)
{
	return strlen(what) == len && memcmp(part, what, len) == 0;
}

static bool has_control(const char *s)
{
	for (; *s; s++) {
		if (iscntrl((unsigned char)*s))
			return true;
	}
	return false;
}

int member_clean(const char *name, char *out, size_t size, struct dr_err *err)
{
	size_t at = 0, depth = 0, len;

	if (name[0] == '/')
		return dr_err_set(err, DR_FAILED, "absolute name");
	if (strlen(name) > UNPACK_NAME_MAX || strlen(name) >= size)
		return dr_err_set(err, DR_FAILED, "longer than %d bytes",
			UNPACK_NAME_MAX);
	if (has_control(name))
		return dr_err_set(err, DR_FAILED,
			"control characters in its name");
	for (const char *p = name; *p; p += len + (p[len] == '/')) {
		len = strcspn(p, "/");
		if (len == 0 || is(p, len, "."))
			continue;
		if (is(p, len, ".."))
			return dr_err_set(err, DR_FAILED, "\"..\" in its name");
		if (len > NAME_MAX)
			return dr_err_set(err, DR_FAILED,
				"a part longer than %d bytes", NAME_MAX);
		if (++depth > UNPACK_DEPTH_MAX)
			return dr_err_set(err, DR_FAILED,
				"more than %d directories deep",
				UNPACK_DEPTH_MAX);
		if (at > 0)
			out[at++] = '/';
		memcpy(out + at, p, len);
		at += len;
	}
	out[at] = '\0';
	return 0;
}

bool member_link_stays(const char *name, const char *target)
{
	size_t len;
	int depth = 0;

	if (target[0] == '/' || target[0] == '\0')
		return false;
	for (const char *p = name; *p; p++)
		depth += *p == '/';
	for (const char *p = target; *p; p += len + (p[len] == '/')) {
		len = strcspn(p, "/");
		if (len == 0 || is(p, len, "."))
			continue;
		depth += is(p, len, "..") ? -1 : 1;
		if (depth < 0)
			return false;
	}
	return true;
}

const char *member_shown(const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s", name);
	for (char *p = out; *p; p++) {
		if (iscntrl((unsigned char)*p))
			*p = '?';
	}
	return out;
}
