/*
 * URLs, as far as it must be known where one leads. Pure.
 *
 * The parser is libcurl's own, so that what is judged here and what is then
 * connected to cannot differ. Sources: RFC 3986, RFC 6761 section 6.3
 * (localhost), CURLU(3).
 */
#ifndef DESKRUN_NET_URL_H
#define DESKRUN_NET_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

/* Longest host name (RFC 1035) and the NUL */
#define URL_HOST_SIZE 256

struct url_parts {
	bool https;    /* else http: nothing else is accepted */
	bool loopback; /* host is 127.0.0.0/8, ::1, or ends in localhost */
	char host[URL_HOST_SIZE]; /* lower case; IPv6 without brackets */
	unsigned port;		  /* given, or the scheme's */
	bool port_given;
};

/* DR_CONFIG: not an absolute http or https URL, or one with a password. */
int url_parse(const char *url, struct url_parts *parts, struct dr_err *err);

bool url_host_is_loopback(const char *host);

/* Whether a credential for one may be sent to the other. */
bool url_same_origin(const struct url_parts *a, const struct url_parts *b);

/*
 * The URL for a log: without a user, and without the values of its query but
 * for those that GitHub's lists are paged by. Signed download URLs carry their
 * credential there.
 */
void url_display(const char *url, char *out, size_t size);

#endif
