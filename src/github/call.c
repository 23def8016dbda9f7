#include "github/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "github/policy.h"
#include "util/clock.h"
#include "util/log.h"

#define URL_LONGEST 4096
#define MESSAGE_LONGEST 4096
/* More pages than any list of runners has */
#define PAGES_MAX 1000

static const char *const api_headers[] = {
	"Accept: application/vnd.github+json",
	"X-GitHub-Api-Version: 2022-11-28",
	NULL,
};

void call_begin(struct github *gh)
{
	gh->waited_s = 0;
}

static int interrupted(const struct github *gh, struct dr_err *err)
{
	if (gh->interrupted && *gh->interrupted)
		return dr_err_set(err, DR_INTERRUPTED, "interrupted");
	return 0;
}

/*
 * In slices: a signal between a look at the flag and a sleep would otherwise
 * be noticed only when the wait is over.
 */
static int pause_for(struct github *gh, int64_t seconds, struct dr_err *err)
{
	const struct timespec slice = {.tv_nsec = 100000000};
	uint64_t end = clock_mono_ns() + (uint64_t)seconds * 1000000000u;

	gh->waited_s += seconds;
	while (clock_mono_ns() < end) {
		if (interrupted(gh, err) < 0)
			return -1;
		nanosleep(&slice, NULL);
	}
	return interrupted(gh, err);
}

static bool is_url(const char *path)
{
	return path[0] != '/';
}

/* One request. An answer of any status is success. */
static int ask(struct github *gh, const struct call *call,
	struct http_response *response, struct dr_err *err)
{
	char url[URL_LONGEST];
	struct http_request request = {
		.method = call->method,
		.url = url,
		.headers = api_headers,
	};
	int len;

	if (!call->anonymous && gh->token.len > 0)
		request.token = gh->token.data;
	len = snprintf(url, sizeof(url), "%s%s",
		is_url(call->path) ? "" : gh->server.api, call->path);
	if (len < 0 || (size_t)len >= sizeof(url))
		return dr_err_set(err, DR_FAILED, "%s: the URL is too long",
			call->what);
	return http_perform(gh->http, &request, response, err);
}

/* message is to be cleared by the caller; the answer borrows it. */
static struct policy_answer digest(const struct call *call,
	const struct http_response *response, struct dr_buf *message)
{
	struct answer answer = call_answer(call, response);

	dr_buf_init(message, MESSAGE_LONGEST);
	if (response->status >= 400)
		answer_message(&answer, message);
	return (struct policy_answer){
		.status = response->status,
		.now = policy_clock(http_header(response, "Date"),
			(int64_t)time(NULL)),
		.retry_after = http_header(response, "Retry-After"),
		.remaining = http_header(response, "X-RateLimit-Remaining"),
		.reset = http_header(response, "X-RateLimit-Reset"),
		.permissions = http_header(response,
			"X-Accepted-GitHub-Permissions"),
		.scopes = http_header(response, "X-OAuth-Scopes"),
		.message = message->data,
	};
}

static void announce(const struct github *gh, const struct policy_answer *a,
	const struct policy_verdict *v)
{
	const char *host = gh->server.at.host;

	switch (v->kind) {
	case POLICY_LIMIT:
		log_info("%s: the rate limit is used up; waiting %" PRId64
			 " s until it is reset",
			host, v->wait_s);
		break;
	case POLICY_SECONDARY:
		log_info("%s: too many requests in a short time; waiting "
			 "%" PRId64 " s as told",
			host, v->wait_s);
		break;
	default:
		if (a->status > 0)
			log_info("%s: server error %d; trying again in "
				 "%" PRId64 " s",
				host, a->status, v->wait_s);
		else
			log_info("%s: no complete answer; trying again in "
				 "%" PRId64 " s",
				host, v->wait_s);
		break;
	}
}

/*
 * Returns 1 when the request is to be made again, the wait being over; 0 when
 * the answer is fine; -1 otherwise. err says why there was no answer (status
 * 0) and is overwritten when there was a bad one.
 */
static int consider(struct github *gh, const struct call *call,
	const struct policy_answer *answer, struct dr_err *err)
{
	const struct policy_subject subject = {
		.server = &gh->server,
		.what = call->what,
		.has_token = !call->anonymous && gh->token.len > 0,
	};
	struct policy_verdict verdict = policy_judge(answer);

	if (verdict.kind == POLICY_FINE)
		return 0;
	if (verdict.again && gh->waited_s + verdict.wait_s <= gh->wait_s) {
		announce(gh, answer, &verdict);
		return pause_for(gh, verdict.wait_s, err) < 0 ? -1 : 1;
	}
	if (answer->status == 0)
		return dr_err_prefix(err, "%s", call->what);
	return policy_explain(&subject, answer, &verdict, err);
}

/* A connection that never came about is not tried again: it is mostly the
 * configuration that is wrong, or the network that is not there. */
static bool broke_off(const struct http_response *response,
	const struct dr_err *err)
{
	return err->code == DR_NETWORK && response->sent;
}

int call_perform(struct github *gh, const struct call *call,
	struct http_response *response, struct dr_err *err)
{
	struct policy_answer answer;
	struct dr_buf message;
	int rc = 1;

	for (int tries = 1; rc > 0; tries++) {
		bool answered = ask(gh, call, response, err) == 0;

		if (!answered && !broke_off(response, err))
			return dr_err_prefix(err, "%s", call->what);
		/* Half an answer is none, whatever its status was. */
		if (!answered)
			response->status = 0;
		answer = digest(call, response, &message);
		answer.tries = tries;
		rc = consider(gh, call, &answer, err);
		dr_buf_clear(&message);
	}
	return rc;
}

struct answer call_answer(const struct call *call,
	const struct http_response *response)
{
	return (struct answer){
		.text = response->body.data,
		.len = response->body.len,
		.what = call->what,
	};
}

/* A next page elsewhere would be given the token. */
static int same_server(const struct github *gh, const struct call *call,
	const char *url, struct dr_err *err)
{
	struct url_parts parts;

	if (url_parse(url, &parts, err) < 0)
		return dr_err_prefix(err, "%s: next page", call->what);
	if (!url_same_origin(&parts, &gh->server.at))
		return dr_err_set(err, DR_FAILED,
			"%s: the next page is on another server, %s",
			call->what, parts.host);
	return 0;
}

int call_pages(struct github *gh, const struct call *first,
	int (*each)(const struct answer *answer, void *arg, struct dr_err *err),
	void *arg, struct dr_err *err)
{
	auto_http_response struct http_response response;
	struct call call = *first;
	char next[URL_LONGEST];

	http_response_init(&response);
	for (int page = 1; page <= PAGES_MAX; page++) {
		struct answer answer;
		const char *link;

		if (call_perform(gh, &call, &response, err) < 0)
			return -1;
		answer = call_answer(&call, &response);
		if (each(&answer, arg, err) < 0)
			return -1;
		link = http_header(&response, "Link");
		if (!link || !call_next_link(link, next, sizeof(next)))
			return 0;
		if (same_server(gh, &call, next, err) < 0)
			return -1;
		call.path = next;
	}
	return dr_err_set(err, DR_FAILED, "%s: more than %d pages", call.what,
		PAGES_MAX);
}

bool call_next_link(const char *link, char *url, size_t size)
{
	while (*link) {
		const char *open = strchr(link, '<');
		const char *close = open ? strchr(open, '>') : NULL;
		const char *rel, *end;
		size_t len;

		if (!close)
			return false;
		end = close + strcspn(close, "<");
		rel = strstr(close, "rel=\"next\"");
		len = (size_t)(close - open - 1);
		if (rel && rel < end && len > 0 && len < size) {
			memcpy(url, open + 1, len);
			url[len] = '\0';
			return true;
		}
		link = end;
	}
	return false;
}

void call_escape(struct dr_buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			dr_buf_add(out, text, 1);
		else
			dr_buf_addf(out, "%%%02X", (unsigned char)*text);
	}
}
