#include "github/policy.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/clock.h"

/* GitHub: "at least one minute", when it does not say how long */
#define SECONDARY_WAIT_S 60
/* No header may make us wait longer than this, nor overflow */
#define WAIT_LONGEST_S (7 * 24 * 3600)
/* As much of GitHub's message as fits a line */
#define MESSAGE_SHOWN 300

/* A decimal number, or -1. */
static int64_t number(const char *text)
{
	char *end;
	long long value;

	if (!text || !isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	value = strtoll(text, &end, 10);
	return errno || *end ? -1 : value;
}

static int64_t within(int64_t wait)
{
	if (wait < 1)
		return 1;
	return wait < WAIT_LONGEST_S ? wait : WAIT_LONGEST_S;
}

/* 1, 3, 9 seconds */
static int64_t growing(int64_t first, int factor, int tries)
{
	int64_t wait = first;

	for (int i = 1; i < tries && wait < WAIT_LONGEST_S; i++)
		wait *= factor;
	return within(wait);
}

static bool is_limit(const struct policy_answer *a)
{
	if (a->status == 429)
		return true;
	return a->status == 403 &&
		(number(a->remaining) == 0 || number(a->retry_after) >= 0 ||
			strcasestr(a->message, "secondary rate limit") ||
			strcasestr(a->message, "rate limit exceeded") ||
			strcasestr(a->message, "abuse detection"));
}

/* Retry-After goes first: a secondary limit can meet a used-up primary. */
static struct policy_verdict judge_limit(const struct policy_answer *a)
{
	struct policy_verdict v = {.kind = POLICY_SECONDARY, .again = true};
	int64_t told = number(a->retry_after);
	int64_t reset = number(a->reset);

	if (number(a->remaining) == 0)
		v.kind = POLICY_LIMIT;
	if (told >= 0)
		v.wait_s = within(told);
	else if (v.kind == POLICY_LIMIT && reset >= 0)
		v.wait_s = within(reset - a->now);
	else
		v.wait_s = growing(SECONDARY_WAIT_S, 2, a->tries);
	return v;
}

static struct policy_verdict judge_server(const struct policy_answer *a)
{
	int64_t told = number(a->retry_after);

	return (struct policy_verdict){
		.kind = POLICY_SERVER,
		.again = a->tries < POLICY_TRIES,
		.wait_s = told >= 0 ? within(told) : growing(1, 3, a->tries),
	};
}

struct policy_verdict policy_judge(const struct policy_answer *a)
{
	struct policy_verdict v = {.kind = POLICY_REFUSED};

	if (a->status == 0 || (a->status >= 500 && a->status <= 599))
		return judge_server(a);
	if (is_limit(a))
		return judge_limit(a);
	if (a->status >= 200 && a->status <= 299)
		v.kind = POLICY_FINE;
	else if (a->status == 401)
		v.kind = POLICY_CREDENTIAL;
	else if (a->status == 403)
		v.kind = POLICY_FORBIDDEN;
	else if (a->status == 404 || a->status == 410)
		v.kind = POLICY_ABSENT;
	return v;
}

/* What a token needs for everything that is done with a target */
static const struct {
	const char *fine_grained; /* NULL: there is none */
	const char *classic;
} needed[] = {
	[SERVER_REPOSITORY] = {"the repository permission "
			       "\"Administration: write\"",
		"repo"},
	[SERVER_ORGANISATION] = {"the organisation permission "
				 "\"Self-hosted runners: write\"",
		"admin:org"},
	[SERVER_ENTERPRISE] = {NULL, "manage_runners:enterprise"},
};

/* Whether a list "gist, repo" has exactly that scope. */
static bool has_scope(const char *scopes, const char *wanted)
{
	while (*scopes) {
		size_t len = strcspn(scopes, ", ");

		if (len == strlen(wanted) && memcmp(scopes, wanted, len) == 0)
			return true;
		scopes += len;
		scopes += strspn(scopes, ", ");
	}
	return false;
}

static void advise(const struct policy_subject *subject,
	const struct policy_answer *a, char *out, size_t size)
{
	const char *classic = needed[subject->server->kind].classic;
	const char *fine = needed[subject->server->kind].fine_grained;

	if (a->scopes && has_scope(a->scopes, classic))
		snprintf(out, size,
			"the token has the scope %s, but its owner needs "
			"admin rights there",
			classic);
	else if (a->scopes)
		snprintf(out, size,
			"the token needs the scope %s; it has %.100s", classic,
			*a->scopes ? a->scopes : "none");
	else if (!fine)
		snprintf(out, size,
			"a classic token with the scope %s is needed", classic);
	else
		snprintf(out, size,
			"the token needs %s (a classic one the scope %s)", fine,
			classic);
}

/* ": message" in one line, or nothing */
static const char *quoted(const char *message, char *out, size_t size)
{
	out[0] = '\0';
	if (*message)
		snprintf(out, size, ": %.*s", MESSAGE_SHOWN, message);
	for (char *p = out; *p; p++) {
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	}
	return out;
}

static bool speaks_of_rights(const struct policy_answer *a)
{
	return a->permissions || strcasestr(a->message, "not accessible by") ||
		strcasestr(a->message, "must have admin rights");
}

static int explain_forbidden(const struct policy_subject *subject,
	const struct policy_answer *a, struct dr_err *err)
{
	char message[MESSAGE_SHOWN + 8], advice[256] = "", asks[160] = "";

	if (a->permissions)
		snprintf(asks, sizeof(asks), " (GitHub asks for %.120s)",
			a->permissions);
	if (speaks_of_rights(a))
		advise(subject, a, advice, sizeof(advice));
	return dr_err_set(err, DR_AUTH, "%s: forbidden (403%s)%s%s%s",
		subject->what, quoted(a->message, message, sizeof(message)),
		*advice ? "; " : "", advice, asks);
}

static int explain_absent(const struct policy_subject *subject,
	const struct policy_answer *a, struct dr_err *err)
{
	char advice[256];

	if (!subject->has_token)
		return dr_err_set(err, DR_NOT_FOUND,
			"%s: absent, or not for everybody to see (%d)",
			subject->what, a->status);
	advise(subject, a, advice, sizeof(advice));
	return dr_err_set(err, DR_NOT_FOUND,
		"%s: absent or not permitted (%d: GitHub does not say which); "
		"check the spelling of %s, and that the token may reach it: "
		"%s",
		subject->what, a->status, subject->server->target, advice);
}

static int explain_credential(const struct policy_subject *subject,
	const struct policy_answer *a, struct dr_err *err)
{
	char message[MESSAGE_SHOWN + 8];

	quoted(a->message, message, sizeof(message));
	if (!subject->has_token)
		return dr_err_set(err, DR_AUTH,
			"%s: GitHub wants a token (401%s)", subject->what,
			message);
	return dr_err_set(err, DR_AUTH,
		"%s: the token is wrong, expired or revoked (401%s); make a "
		"new one",
		subject->what, message);
}

/* When the wait is over, by the server's clock, and how long that is */
static void until(const struct policy_answer *a, const struct policy_verdict *v,
	char *out, size_t size)
{
	char at[CLOCK_TEXT_SIZE];
	int64_t minutes = (v->wait_s + 59) / 60;

	clock_format((uint64_t)(a->now + v->wait_s) * 1000u, at);
	at[strlen("2026-11-25T03:03:25")] = '\0';
	if (v->wait_s < 120)
		snprintf(out, size, "%sZ (in %" PRId64 " s)", at, v->wait_s);
	else
		snprintf(out, size, "%sZ (in %" PRId64 " minutes)", at,
			minutes);
}

static int explain_limit(const struct policy_subject *subject,
	const struct policy_answer *a, const struct policy_verdict *v,
	struct dr_err *err)
{
	char when[96];

	until(a, v, when, sizeof(when));
	if (v->kind == POLICY_SECONDARY)
		return dr_err_set(err, DR_NETWORK,
			"%s: too many requests in a short time (%d); again "
			"from %s on",
			subject->what, a->status, when);
	if (!subject->has_token)
		return dr_err_set(err, DR_NETWORK,
			"%s: the rate limit of requests without a token is "
			"used up (%d) until %s",
			subject->what, a->status, when);
	return dr_err_set(err, DR_NETWORK,
		"%s: the token's rate limit is used up (%d) until %s",
		subject->what, a->status, when);
}

int policy_explain(const struct policy_subject *subject,
	const struct policy_answer *a, const struct policy_verdict *v,
	struct dr_err *err)
{
	char message[MESSAGE_SHOWN + 8];

	switch (v->kind) {
	case POLICY_CREDENTIAL:
		explain_credential(subject, a, err);
		break;
	case POLICY_FORBIDDEN:
		explain_forbidden(subject, a, err);
		break;
	case POLICY_ABSENT:
		explain_absent(subject, a, err);
		break;
	case POLICY_LIMIT:
	case POLICY_SECONDARY:
		explain_limit(subject, a, v, err);
		break;
	case POLICY_SERVER:
		dr_err_set(err, DR_NETWORK,
			"%s: GitHub has a problem (%d%s), tried %d times",
			subject->what, a->status,
			quoted(a->message, message, sizeof(message)), a->tries);
		break;
	case POLICY_FINE:
	case POLICY_REFUSED:
		dr_err_set(err, DR_FAILED, "%s: refused (%d%s)", subject->what,
			a->status,
			quoted(a->message, message, sizeof(message)));
		break;
	}
	err->http_status = a->status;
	return -1;
}

int64_t policy_clock(const char *date, int64_t fallback)
{
	struct tm tm = {0};
	const char *end = date
		? strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm)
		: NULL;

	return end && !*end ? (int64_t)timegm(&tm) : fallback;
}
