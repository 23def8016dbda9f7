/*
 * HTTP requests, one at a time, by libcurl, which nothing else uses.
 *
 * What holds for every request: plain http is spoken with loopback addresses
 * alone and never through a proxy; redirects are followed with method and body
 * unchanged, as GitHub asks for (a 303 becomes a GET), to https alone, and the
 * credential is dropped when the scheme, host or port changes; proxies come
 * from the environment as curl(1) takes them; connections are reused. Tokens
 * are in no log line and in no error.
 *
 * Everything blocks until the answer is there, a time limit passes, or the
 * interruption flag is set. Failures to get an answer are DR_NETWORK
 * ("connect to api.github.com: connection refused"); DR_INTERRUPTED is the
 * flag. An answer of any status is success: what it means is the caller's to
 * say. Sources: RFC 9110, curl_easy_setopt(3), and GitHub's "Best practices for
 * using the REST API" (redirects).
 */
#ifndef DESKRUN_NET_HTTP_H
#define DESKRUN_NET_HTTP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct http_options {
	const char *user_agent; /* "deskrun-runner/0.1.0" */
	/* PEM bundle that is trusted besides the system's, or NULL */
	const char *ca_file;
	/* Set by a signal handler to end what goes on; or NULL */
	const volatile sig_atomic_t *interrupted;
};

struct http_client;

/* Strings are copied. Not for several threads. DR_FAILED, or DR_CONFIG when
 * ca_file cannot be read. */
struct http_client *http_client_new(const struct http_options *options,
	struct dr_err *err);
void http_client_free(struct http_client *client);

static inline void http_client_cleanup(struct http_client **client)
{
	http_client_free(*client);
	*client = NULL;
}
#define auto_http_client __attribute__((cleanup(http_client_cleanup)))

/* All is borrowed for the call. */
struct http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const char *token;	    /* sent as a bearer token; or NULL */
	const char *const *headers; /* "Name: value", ends with NULL; or NULL */
	const char *body;	    /* JSON; NULL: none */
	size_t max;    /* longest accepted body; 0: HTTP_BODY_MAX */
	int timeout_s; /* for the whole of it; 0: HTTP_TIMEOUT_S */
};
#define HTTP_BODY_MAX (8u * 1024 * 1024)
#define HTTP_TIMEOUT_S 60
/* Longest time without a byte in a download */
#define HTTP_STALL_S 60

struct http_response {
	int status;
	struct dr_buf body;
	struct dr_buf headers; /* of the last answer; see http_header() */
	/* After a failure: the request may have reached the server. */
	bool sent;
};

/* Before use, and after success or failure. */
void http_response_init(struct http_response *response);
void http_response_clear(struct http_response *response);
#define auto_http_response __attribute__((cleanup(http_response_clear)))

/* Value of the first header of that name, or NULL; the response's own. */
const char *http_header(const struct http_response *response, const char *name);

/* response is emptied first. */
int http_perform(struct http_client *client, const struct http_request *request,
	struct http_response *response, struct dr_err *err);

struct http_download {
	const char *url;
	const char *token;	    /* or NULL */
	const char *const *headers; /* as above */
	int fd;			    /* written to from where it stands */
	uint64_t max;		    /* longest accepted; 0: no limit */
	/* Called some times a second; total is 0 while unknown. May be NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

/*
 * Writes the body of a 200 to fd. Any other status is success as well, with
 * nothing written and the body (cut at 64 KiB) in response. Whether the bytes
 * are the right ones is for a digest to tell; that they are as many as were
 * announced is checked. DR_FAILED when fd cannot be written.
 */
int http_download(struct http_client *client,
	const struct http_download *download, struct http_response *response,
	struct dr_err *err);

#endif
