#include "util/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *program;
	enum log_level level;
	bool colour;
} state = {.program = "deskrun", .level = LOG_NORMAL};

void log_init(const char *program, enum log_level level)
{
	const char *no_color = getenv("NO_COLOR");

	state.program = program;
	state.level = level;
	state.colour = isatty(STDERR_FILENO) && !(no_color && *no_color);
}

enum log_level log_level_get(void)
{
	return state.level;
}

/* One write(2) a line, so that lines of several processes do not mix. */
static void line(const char *label, const char *sgr, const char *fmt,
	va_list ap)
{
	char text[2048];
	size_t len = 0;
	int n;

	if (label && state.colour)
		len = (size_t)snprintf(text, sizeof(text),
			"%s: \033[%sm%s:\033[0m ", state.program, sgr, label);
	else if (label)
		len = (size_t)snprintf(text, sizeof(text),
			"%s: %s: ", state.program, label);
	n = vsnprintf(text + len, sizeof(text) - len - 1, fmt, ap);
	if (n < 0)
		return;
	len = strlen(text);
	text[len++] = '\n';
	if (write(STDERR_FILENO, text, len) < 0)
		return; /* nowhere is left to say so */
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("error", "1;31", fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	if (state.level < LOG_NORMAL)
		return;
	va_start(ap, fmt);
	line("warning", "1;33", fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	if (state.level < LOG_NORMAL)
		return;
	va_start(ap, fmt);
	line(NULL, "", fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	if (state.level < LOG_VERBOSE)
		return;
	va_start(ap, fmt);
	line("debug", "2", fmt, ap);
	va_end(ap);
}
