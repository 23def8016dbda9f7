#include "net/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#define REDIRECTS_MAX 5
#define HEADERS_MAX (64 * 1024)
#define REFUSAL_MAX (64 * 1024)

struct http_client *http_client_new(const struct http_options *options,
	struct dr_err *err)
{
	auto_http_client struct http_client *client = NULL;

	if (options->ca_file && access(options->ca_file, R_OK) < 0) {
		dr_err_errno(err, DR_CONFIG, "ca_file %s", options->ca_file);
		return NULL;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		dr_err_set(err, DR_FAILED, "libcurl does not start");
		return NULL;
	}
	client = calloc(1, sizeof(*client));
	if (!client) {
		curl_global_cleanup();
		dr_err_oom(err);
		return NULL;
	}
	client->interrupted = options->interrupted;
	client->curl = curl_easy_init();
	client->user_agent = strdup(options->user_agent);
	if (options->ca_file)
		client->ca_file = strdup(options->ca_file);
	if (!client->curl || !client->user_agent ||
		(options->ca_file && !client->ca_file)) {
		dr_err_oom(err);
		return NULL;
	}
	return steal_ptr(&client);
}

void http_client_free(struct http_client *client)
{
	int saved = errno;

	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	free(client->user_agent);
	free(client->ca_file);
	free(client);
	curl_global_cleanup();
	errno = saved;
}

void http_response_init(struct http_response *response)
{
	*response = (struct http_response){0};
	dr_buf_init(&response->headers, HEADERS_MAX);
	dr_buf_init(&response->body, HTTP_BODY_MAX);
}

void http_response_clear(struct http_response *response)
{
	dr_buf_clear(&response->headers);
	dr_buf_clear(&response->body);
}

const char *http_header(const struct http_response *response, const char *name)
{
	const char *line = response->headers.data;
	const char *end = line + response->headers.len;
	size_t len = strlen(name);

	for (; line < end; line += strlen(line) + 1) {
		if (strncasecmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " \t");
	}
	return NULL;
}

static void log_exchange(const struct http_transfer *t, CURLcode rc,
	uint64_t begun)
{
	unsigned ms = (unsigned)((clock_mono_ns() - begun) / 1000000u);
	char url[512];

	if (log_level_get() < LOG_VERBOSE)
		return;
	url_display(t->url, url, sizeof(url));
	if (rc == CURLE_OK)
		log_debug("%s %s: %d, %u ms", t->method, url,
			t->response->status, ms);
	else
		log_debug("%s %s: no answer, %u ms", t->method, url, ms);
}

static int exchange(struct http_transfer *t, struct dr_err *err)
{
	struct curl_slist *headers = NULL;
	uint64_t begun = clock_mono_ns();
	long status = 0, bytes = 0;
	CURLcode rc;

	dr_buf_reset(&t->response->headers);
	dr_buf_reset(&t->response->body);
	t->response->status = 0;
	t->done = 0;
	t->stop = STOP_NONE;
	if (http_setup(t, &headers, err) < 0) {
		http_headers_free(headers);
		return -1;
	}
	rc = curl_easy_perform(t->client->curl);
	curl_easy_getinfo(t->client->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->client->curl, CURLINFO_REQUEST_SIZE, &bytes);
	curl_easy_setopt(t->client->curl, CURLOPT_HTTPHEADER, NULL);
	http_headers_free(headers);
	t->response->status = (int)status;
	t->response->sent = bytes > 0;
	log_exchange(t, rc, begun);
	return rc == CURLE_OK ? 0 : http_explain(t, rc, err);
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 ||
		status == 307 || status == 308;
}

/*
 * Points t at where its answer redirects to. Returns false when it does not.
 * *next owns the URL.
 */
static int redirect(struct http_transfer *t, char **next, struct dr_err *err)
{
	struct url_parts from = t->to;
	char shown[512];
	char *url = NULL;

	curl_easy_getinfo(t->client->curl, CURLINFO_REDIRECT_URL, &url);
	url = url ? strdup(url) : NULL;
	if (!url)
		return dr_err_set(err, DR_NETWORK, "%s: a redirect to nowhere",
			from.host);
	free(*next);
	*next = url;
	if (url_parse(url, &t->to, err) < 0) {
		err->code = DR_NETWORK;
		return dr_err_prefix(err, "redirect by %s", from.host);
	}
	/* Nor may another machine make this one talk to itself by http. */
	if (!t->to.https && !(t->to.loopback && from.loopback)) {
		url_display(url, shown, sizeof(shown));
		return dr_err_set(err, DR_NETWORK,
			"%s redirects to %s, which is not encrypted: refused",
			from.host, shown);
	}
	t->url = url;
	if (!url_same_origin(&from, &t->to))
		t->token = NULL;
	if (t->response->status == 303) {
		t->method = "GET";
		t->body = NULL;
	}
	return 0;
}

static int run(struct http_transfer *t, struct dr_err *err)
{
	auto_free char *next = NULL;

	if (url_parse(t->url, &t->to, err) < 0)
		return -1;
	if (!t->to.https && !t->to.loopback)
		return dr_err_set(err, DR_CONFIG,
			"connect to %s: plain http is for loopback addresses "
			"alone, use https",
			t->to.host);
	for (int i = 0; i <= REDIRECTS_MAX; i++) {
		if (exchange(t, err) < 0)
			return -1;
		if (!is_redirect(t->response->status))
			return 0;
		if (redirect(t, &next, err) < 0)
			return -1;
	}
	return dr_err_set(err, DR_NETWORK, "%s: more than %d redirects",
		t->to.host, REDIRECTS_MAX);
}

int http_perform(struct http_client *client, const struct http_request *request,
	struct http_response *response, struct dr_err *err)
{
	struct http_transfer t = {
		.client = client,
		.method = request->method ? request->method : "GET",
		.url = request->url,
		.token = request->token,
		.headers = request->headers,
		.body = request->body,
		.timeout_s = request->timeout_s ? request->timeout_s
						: HTTP_TIMEOUT_S,
		.response = response,
	};

	http_response_clear(response);
	http_response_init(response);
	if (request->max > 0)
		response->body.max = request->max;
	return run(&t, err);
}

int http_download(struct http_client *client,
	const struct http_download *download, struct http_response *response,
	struct dr_err *err)
{
	struct http_transfer t = {
		.client = client,
		.method = "GET",
		.url = download->url,
		.token = download->token,
		.headers = download->headers,
		.download = download,
		.response = response,
	};

	http_response_clear(response);
	http_response_init(response);
	response->body.max = REFUSAL_MAX;
	if (run(&t, err) < 0)
		return -1;
	if (response->status == 200 && download->progress)
		download->progress(download->progress_arg, t.done, t.done);
	return 0;
}
