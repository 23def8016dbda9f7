/* Errors are values. */
#ifndef DESKRUN_UTIL_ERR_H
#define DESKRUN_UTIL_ERR_H

/*
 * The kinds of failure a caller may treat differently. Their values are the
 * documented exit statuses, but only main() may use them as such.
 */
enum dr_code {
	DR_OK = 0,
	DR_FAILED = 1,
	DR_USAGE = 2,
	DR_CONFIG = 3,
	DR_AUTH = 4,
	DR_NETWORK = 5, /* or a rate limit */
	DR_ENGINE = 6,
	DR_NOT_FOUND = 7,
	DR_BUSY = 8, /* or refused */
	DR_TIMEOUT = 9,
	DR_INTERRUPTED = 130,
};

struct dr_err {
	enum dr_code code;
	int sys_errno;	 /* errno(3) of the cause, or 0 */
	int http_status; /* status of the answer that was the cause, or 0 */
	char msg[1024];	 /* one line, without a full stop; cut when longer */
};

#define DR_ERR_INIT ((struct dr_err){.code = DR_OK})

/*
 * Contract, for every function taking a struct dr_err *:
 *   success  returns 0 (or what its header says); *err is not touched
 *   failure  returns -1; *err was set once, by the layer that knew the cause
 * Callers add context with dr_err_prefix(). err is never NULL.
 */

/* Sets the error; returns -1, so that "return dr_err_set(…)" reads well. */
int dr_err_set(struct dr_err *err, enum dr_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of errno appended, and errno kept. */
int dr_err_errno(struct dr_err *err, enum dr_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message; returns -1. */
int dr_err_prefix(struct dr_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "out of memory"; returns -1. */
int dr_err_oom(struct dr_err *err);

#endif
