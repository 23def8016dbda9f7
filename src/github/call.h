/*
 * One call of the API, as often as it takes: requests, waits, the failure
 * policy. Used by the files of github/ alone.
 */
#ifndef DESKRUN_GITHUB_CALL_H
#define DESKRUN_GITHUB_CALL_H

#include "github/answers.h"
#include "github/github.h"
#include "github/server.h"
#include "net/http.h"
#include "util/buf.h"
#include "util/err.h"

struct github {
	struct http_client *http;
	struct server server;
	struct dr_buf token; /* empty: none */
	int wait_s;
	const volatile sig_atomic_t *interrupted;
	int64_t waited_s; /* since call_begin() */
};

struct call {
	const char *method; /* NULL: GET */
	const char *path;   /* behind the API's URL; or a whole URL */
	const char *what;   /* in words: "list the runners of owner/repo" */
	bool anonymous;	    /* the token is not for where this goes */
};

/* Starts the time that the following calls may wait together. */
void call_begin(struct github *gh);

/*
 * Returns 0 with a 2xx. Otherwise err has the status too. Every request is
 * repeated after a server error, so it must be one that may be: all of ours
 * are (a second registration token is harmless, a second DELETE meets a 404).
 */
int call_perform(struct github *gh, const struct call *call,
	struct http_response *response, struct dr_err *err);

/* The answer to call, for the parsers. */
struct answer call_answer(const struct call *call,
	const struct http_response *response);

/*
 * Performs call and, page after page, what its answers link to as the next.
 * each is given every answer; its -1 ends it.
 */
int call_pages(struct github *gh, const struct call *call,
	int (*each)(const struct answer *answer, void *arg, struct dr_err *err),
	void *arg, struct dr_err *err);

/* The URL of rel="next" in a Link header (RFC 8288), or false. Pure. */
bool call_next_link(const char *link, char *url, size_t size);

/* Adds text so that it may stand in a query (RFC 3986, section 2). */
void call_escape(struct dr_buf *out, const char *text);

#endif
