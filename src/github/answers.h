/*
 * GitHub's answers: text in, structs out. Pure.
 *
 * what names the answer in errors (DR_FAILED). Members that we do not know
 * are ignored, those that we need must be there and of their type.
 */
#ifndef DESKRUN_GITHUB_ANSWERS_H
#define DESKRUN_GITHUB_ANSWERS_H

#include <stddef.h>

#include "github/github.h"
#include "util/buf.h"
#include "util/err.h"

/* All is borrowed. */
struct answer {
	const char *text;
	size_t len;
	const char *what;
};

int answer_token(const struct answer *answer, struct github_token *token,
	struct dr_err *err);
/* Adds to runners. */
int answer_runners(const struct answer *answer, struct github_runners *runners,
	struct dr_err *err);
/* That of this machine, out of …/runners/downloads. DR_NOT_FOUND: none. */
int answer_downloads(const struct answer *answer, const char *machine,
	struct github_release *release, struct dr_err *err);
/* The same out of a release; its digest and its notes must agree. */
int answer_release(const struct answer *answer, const char *machine,
	struct github_release *release, struct dr_err *err);
int answer_public(const struct answer *answer, bool *is_public,
	struct dr_err *err);

struct github_groups {
	struct github_group *v;
	size_t n;
};
void github_groups_clear(struct github_groups *groups);
/* Adds to groups. */
int answer_groups(const struct answer *answer, struct github_groups *groups,
	struct dr_err *err);

/* Adds the message of a refusal; nothing when it is not JSON. */
void answer_message(const struct answer *answer, struct dr_buf *message);

#endif
