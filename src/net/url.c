#include "net/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/cleanup.h"

/* Longest URL that is shown */
#define DISPLAY_MAX 2048

static void curlu_cleanup(CURLU **u)
{
	curl_url_cleanup(*u);
	*u = NULL;
}

static void curl_text_cleanup(char **s)
{
	curl_free(*s);
	*s = NULL;
}
#define auto_curlu __attribute__((cleanup(curlu_cleanup)))
#define auto_curl_text __attribute__((cleanup(curl_text_cleanup)))

static bool name_is_localhost(const char *host)
{
	static const char suffix[] = ".localhost";
	size_t len = strlen(host);

	if (strcasecmp(host, suffix + 1) == 0)
		return true;
	return len > sizeof(suffix) - 1 &&
		strcasecmp(host + len - (sizeof(suffix) - 1), suffix) == 0;
}

bool url_host_is_loopback(const char *host)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) ||
			(IN6_IS_ADDR_V4MAPPED(&v6) &&
				v6.s6_addr[12] == IN_LOOPBACKNET);
	return name_is_localhost(host);
}

static int take_host(CURLU *u, struct url_parts *parts)
{
	auto_curl_text char *host = NULL;
	size_t len;

	if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return -1;
	len = strlen(host);
	if (len == 0 || len >= sizeof(parts->host))
		return -1;
	if (host[0] == '[' && host[len - 1] == ']')
		snprintf(parts->host, sizeof(parts->host), "%.*s",
			(int)(len - 2), host + 1);
	else
		snprintf(parts->host, sizeof(parts->host), "%s", host);
	for (char *p = parts->host; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	}
	parts->loopback = url_host_is_loopback(parts->host);
	return 0;
}

static void take_port(CURLU *u, struct url_parts *parts)
{
	auto_curl_text char *port = NULL;

	parts->port = parts->https ? 443 : 80;
	parts->port_given = curl_url_get(u, CURLUPART_PORT, &port, 0) ==
		CURLUE_OK;
	if (parts->port_given)
		parts->port = (unsigned)strtoul(port, NULL, 10);
}

/* The text of a bad URL is not repeated: a password may stand in it. */
int url_parse(const char *url, struct url_parts *parts, struct dr_err *err)
{
	auto_curlu CURLU *u = curl_url();
	auto_curl_text char *scheme = NULL, *user = NULL;

	if (!u)
		return dr_err_oom(err);
	*parts = (struct url_parts){0};
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return dr_err_set(err, DR_CONFIG,
			"a URL is wanted that begins with https://");
	if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
		return dr_err_set(err, DR_CONFIG,
			"a user and a password have no place in a URL");
	parts->https = strcmp(scheme, "https") == 0;
	if (!parts->https && strcmp(scheme, "http") != 0)
		return dr_err_set(err, DR_CONFIG,
			"%s is not a scheme that is spoken here; https is",
			scheme);
	if (take_host(u, parts) < 0)
		return dr_err_set(err, DR_CONFIG, "a URL without a host");
	take_port(u, parts);
	return 0;
}

bool url_same_origin(const struct url_parts *a, const struct url_parts *b)
{
	return a->https == b->https && a->port == b->port &&
		strcmp(a->host, b->host) == 0;
}

/* Parameters whose values are worth seeing, and secret nowhere */
static bool may_show(const char *name, size_t len)
{
	static const char *const shown[] = {"name", "page", "per_page"};

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		if (strlen(shown[i]) == len && memcmp(shown[i], name, len) == 0)
			return true;
	}
	return false;
}

static void add_query(struct dr_buf *out, const char *query)
{
	char before = '?';

	while (*query) {
		size_t len = strcspn(query, "&");
		size_t name = strcspn(query, "=&");

		if (name == len || may_show(query, name))
			dr_buf_addf(out, "%c%.*s", before, (int)len, query);
		else
			dr_buf_addf(out, "%c%.*s=...", before, (int)name,
				query);
		before = '&';
		query += len;
		query += *query == '&';
	}
}

void url_display(const char *url, char *out, size_t size)
{
	const char *end = url + strcspn(url, "?#");
	const char *authority = strstr(url, "://");
	const char *at = NULL;
	struct dr_buf text;

	dr_buf_init(&text, DISPLAY_MAX);
	if (authority && authority < end) {
		authority += 3;
		at = memrchr(authority, '@', strcspn(authority, "/?#"));
	}
	if (at)
		dr_buf_addf(&text, "%.*s%.*s", (int)(authority - url), url,
			(int)(end - at - 1), at + 1);
	else
		dr_buf_add(&text, url, (size_t)(end - url));
	if (*end == '?') {
		auto_free char *query = strndup(end + 1, strcspn(end + 1, "#"));

		if (query)
			add_query(&text, query);
	}
	snprintf(out, size, "%s", text.data);
	dr_buf_clear(&text);
}
