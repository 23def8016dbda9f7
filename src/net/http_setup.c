#include "net/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "util/clock.h"
#include "util/fs.h"

#define PROGRESS_EVERY_NS 100000000u
/* Where systems keep certificates by hash, for a libcurl built without one */
#define CA_DIRECTORY "/etc/ssl/certs"

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	struct dr_buf *headers = &t->response->headers;
	size_t len = size * n;

	/* Informational answers and a proxy's come before the real one. */
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
		dr_buf_reset(headers);
	while (len > 0 && strchr("\r\n", line[len - 1]))
		len--;
	if (memchr(line, '\0', len))
		return size * n;
	/* Each line with a NUL of its own: see http_header(). */
	if (dr_buf_add(headers, line, len) < 0 ||
		dr_buf_add(headers, "", 1) < 0) {
		t->stop = STOP_TOO_LONG;
		return 0;
	}
	return size * n;
}

static size_t save(struct http_transfer *t, const char *data, size_t len)
{
	const struct http_download *d = t->download;

	if (d->max > 0 && len > d->max - t->done) {
		t->stop = STOP_TOO_LONG;
		return 0;
	}
	if (fs_write_full(d->fd, data, len) < 0) {
		t->stop = STOP_WRITE;
		t->sys_errno = errno;
		return 0;
	}
	return len;
}

static size_t keep(struct http_transfer *t, const char *data, size_t len)
{
	struct dr_buf *body = &t->response->body;
	size_t room = body->max - body->len;

	if (len <= room && dr_buf_add(body, data, len) == 0)
		return len;
	/* What a refused download says is for a message: cut it. */
	if (t->download) {
		dr_buf_add(body, data, len < room ? len : room);
		return len;
	}
	t->stop = STOP_TOO_LONG;
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	size_t len = size * n, taken;
	long status = 0;

	curl_easy_getinfo(t->client->curl, CURLINFO_RESPONSE_CODE, &status);
	taken = t->download && status == 200 ? save(t, data, len)
					     : keep(t, data, len);
	t->done += taken;
	return taken;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now,
	curl_off_t up_total, curl_off_t up_now)
{
	struct http_transfer *t = arg;
	uint64_t clock;

	(void)now;
	(void)up_total;
	(void)up_now;
	if (t->client->interrupted && *t->client->interrupted) {
		t->stop = STOP_INTERRUPTED;
		return 1;
	}
	if (!t->download || !t->download->progress || t->done == 0)
		return 0;
	t->announced = total > 0 ? (uint64_t)total : 0;
	clock = clock_mono_ns();
	if (clock >= t->progress_due) {
		t->progress_due = clock + PROGRESS_EVERY_NS;
		t->download->progress(t->download->progress_arg, t->done,
			t->announced);
	}
	return 0;
}

static bool address_is_loopback(const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN];
	const void *from;

	if (address->sa_family == AF_INET)
		from = &((const struct sockaddr_in *)(const void *)address)
				->sin_addr;
	else if (address->sa_family == AF_INET6)
		from = &((const struct sockaddr_in6 *)(const void *)address)
				->sin6_addr;
	else
		return false;
	return inet_ntop(address->sa_family, from, text, sizeof(text)) &&
		url_host_is_loopback(text);
}

/* A resolver may answer anything for a name below localhost. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose,
	struct curl_sockaddr *address)
{
	struct http_transfer *t = arg;

	(void)purpose;
	if (!t->to.https && !address_is_loopback(&address->addr)) {
		t->stop = STOP_NOT_LOOPBACK;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		address->protocol);
}

static int add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (!longer)
		return -1;
	*headers = longer;
	return 0;
}

void http_headers_free(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

static int make_headers(const struct http_transfer *t,
	struct curl_slist **headers)
{
	const char *const *line = t->headers;
	struct dr_buf secret;
	int rc = 0;

	if (t->token) {
		dr_buf_init(&secret, 64 * 1024);
		dr_buf_addf(&secret, "Authorization: Bearer %s", t->token);
		rc = secret.failed ? -1 : add_header(headers, secret.data);
		dr_buf_clear(&secret);
	}
	if (t->body)
		rc |= add_header(headers, "Content-Type: application/json");
	for (; line && *line; line++)
		rc |= add_header(headers, *line);
	return rc;
}

static void set_method(CURL *curl, const struct http_transfer *t)
{
	bool post = strcmp(t->method, "POST") == 0;

	if (post || t->body) {
		const char *body = t->body ? t->body : "";

		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)strlen(body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	if (!post && strcmp(t->method, "GET") != 0)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, t->method);
}

static void set_security(CURL *curl, const struct http_transfer *t)
{
	const char *directory = curl_version_info(CURLVERSION_NOW)->capath;

	/* Redirects are followed by http.c, which judges each. */
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (t->client->ca_file) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, t->client->ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH,
			directory ? directory : CA_DIRECTORY);
	}
	/* A proxy for everything is not meant for this machine's own. */
	if (t->to.loopback)
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
}

static void set_limits(CURL *curl, const struct http_transfer *t)
{
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT_S);
	if (t->timeout_s > 0) {
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)t->timeout_s);
	} else {
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
			(long)HTTP_STALL_S);
	}
}

static void set_callbacks(CURL *curl, struct http_transfer *t)
{
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
}

int http_setup(struct http_transfer *t, struct curl_slist **headers,
	struct dr_err *err)
{
	CURL *curl = t->client->curl;

	/*
	 * Connections outlive the reset. CURLOPT_NOSIGNAL stays off: libcurl
	 * then ignores SIGPIPE while it works, and with its threaded resolver
	 * it does not use SIGALRM.
	 */
	curl_easy_reset(curl);
	t->client->text[0] = '\0';
	if (make_headers(t, headers) < 0 ||
		curl_easy_setopt(curl, CURLOPT_URL, t->url) != CURLE_OK ||
		curl_easy_setopt(curl, CURLOPT_USERAGENT,
			t->client->user_agent) != CURLE_OK)
		return dr_err_oom(err);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->client->text);
	/* A tarball is compressed, and its length is to be checked. */
	if (!t->download)
		curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
	set_method(curl, t);
	set_security(curl, t);
	set_limits(curl, t);
	set_callbacks(curl, t);
	return 0;
}
