/*
 * What GitHub's refusals mean, and what to do about them. Pure.
 *
 * Sources: https://docs.github.com/rest/using-the-rest-api ("Rate limits",
 * "Best practices", "Troubleshooting"): a limit answers 403 or 429, with
 * x-ratelimit-remaining 0 or retry-after or a message about a secondary
 * limit, and must not be tried again earlier than told; 404 also hides what
 * the token may not see.
 */
#ifndef DESKRUN_GITHUB_POLICY_H
#define DESKRUN_GITHUB_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "github/server.h"
#include "util/err.h"

/* Tries of a request that meets server errors */
#define POLICY_TRIES 3

/* Headers are texts as they came, or NULL. */
struct policy_answer {
	int status;  /* 0: none came */
	int tries;   /* made so far, this one included */
	int64_t now; /* seconds since 1970, by the server's clock */
	const char *retry_after;
	const char *remaining;	 /* x-ratelimit-remaining */
	const char *reset;	 /* x-ratelimit-reset */
	const char *permissions; /* x-accepted-github-permissions */
	const char *scopes;	 /* x-oauth-scopes: of a classic token */
	const char *message;	 /* GitHub's own, or "" */
};

enum policy_kind {
	POLICY_FINE,	   /* 2xx */
	POLICY_CREDENTIAL, /* 401 */
	POLICY_FORBIDDEN,  /* 403 that is no limit */
	POLICY_ABSENT,	   /* 404, 410 */
	POLICY_LIMIT,	   /* of the token's requests */
	POLICY_SECONDARY,  /* of requests in a short time */
	POLICY_SERVER,	   /* 5xx, or the connection broke off */
	POLICY_REFUSED,	   /* any other status */
};

struct policy_verdict {
	enum policy_kind kind;
	bool again; /* worth another try, after: */
	int64_t wait_s;
};

struct policy_verdict policy_judge(const struct policy_answer *answer);

/* What was asked for, in words */
struct policy_subject {
	const struct server *server;
	const char *what; /* "list the runners of owner/repo" */
	bool has_token;
};

/* Sets err for an answer that is not fine and is not to be tried again. */
int policy_explain(const struct policy_subject *subject,
	const struct policy_answer *answer,
	const struct policy_verdict *verdict, struct dr_err *err);

/* The server's clock from its Date header, or fallback. */
int64_t policy_clock(const char *date, int64_t fallback);

#endif
