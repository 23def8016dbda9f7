/*
 * What a program tells the person in front of it, on stderr.
 *
 * One line a call. The manager's commands print results on stdout themselves;
 * this is for progress, notices and warnings.
 */
#ifndef DESKRUN_UTIL_LOG_H
#define DESKRUN_UTIL_LOG_H

enum log_level {
	LOG_QUIET = 0, /* -q: errors alone */
	LOG_NORMAL = 1,
	LOG_VERBOSE = 2, /* -v: requests, child processes, decisions */
};

/* Colour is used on a terminal unless NO_COLOR (no-color.org) is set. */
void log_init(const char *program, enum log_level level);
enum log_level log_level_get(void);

/* "error: …", always shown */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "warning: …" */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* progress and notices, hidden by -q */
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* shown by -v */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
