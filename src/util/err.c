#include "util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_message(struct dr_err *err, const char *fmt, va_list ap)
{
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
}

int dr_err_set(struct dr_err *err, enum dr_code code, const char *fmt, ...)
{
	va_list ap;

	*err = (struct dr_err){.code = code};
	va_start(ap, fmt);
	set_message(err, fmt, ap);
	va_end(ap);
	return -1;
}

int dr_err_errno(struct dr_err *err, enum dr_code code, const char *fmt, ...)
{
	int saved = errno;
	size_t len;
	va_list ap;

	*err = (struct dr_err){.code = code, .sys_errno = saved};
	va_start(ap, fmt);
	set_message(err, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s",
		strerror(saved));
	errno = saved;
	return -1;
}

int dr_err_prefix(struct dr_err *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	size_t len;
	va_list ap;

	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	set_message(err, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", old);
	return -1;
}

int dr_err_oom(struct dr_err *err)
{
	return dr_err_set(err, DR_FAILED, "out of memory");
}
