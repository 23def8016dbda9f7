/* What the files of net/http share. */
#ifndef DESKRUN_NET_HTTP_INTERNAL_H
#define DESKRUN_NET_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "net/http.h"
#include "net/url.h"

#define HTTP_CONNECT_S 15

struct http_client {
	CURL *curl; /* one handle: it keeps the connections */
	char *user_agent;
	char *ca_file;
	const volatile sig_atomic_t *interrupted;
	char text[CURL_ERROR_SIZE]; /* libcurl's words on the last failure */
};

/* Why a callback ended a transfer */
enum http_stop {
	STOP_NONE,
	STOP_INTERRUPTED,
	STOP_TOO_LONG,
	STOP_WRITE,	   /* with sys_errno */
	STOP_NOT_LOOPBACK, /* a name for plain http led somewhere else */
};

/* One exchange: a request as it stands after redirects, and its answer */
struct http_transfer {
	struct http_client *client;
	const char *method;
	const char *url;
	const char *token; /* NULL once it must not be sent any more */
	const char *const *headers;
	const char *body;
	int timeout_s; /* 0: no limit but on standing still */
	struct url_parts to;
	const struct http_download *download; /* or NULL */
	struct http_response *response;
	uint64_t done;	       /* bytes of the body so far */
	uint64_t announced;    /* of a download; 0: unknown */
	uint64_t progress_due; /* clock_mono_ns() */
	enum http_stop stop;
	int sys_errno;
};

/* Configures the handle for this transfer, callbacks included. The list is
 * to be freed by http_headers_free() once the transfer is over. */
int http_setup(struct http_transfer *t, struct curl_slist **headers,
	struct dr_err *err);
void http_headers_free(struct curl_slist *headers);

/* Sets err for a transfer that libcurl ended with rc. */
int http_explain(const struct http_transfer *t, CURLcode rc,
	struct dr_err *err);

#endif
