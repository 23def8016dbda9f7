/* What a hook says to the supervisor, and what it prints. Pure. */
#ifndef DESKRUN_INIT_HOOK_MESSAGE_H
#define DESKRUN_INIT_HOOK_MESSAGE_H

#include "init/world.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slot.h"

/* Of one message, and of its answer, which is text for the job's log. */
#define HOOK_MESSAGE_MAX 4096
/* Of each text in it: more is cut. */
#define HOOK_TEXT_MAX 256

enum hook_verb {
	HOOK_STARTED,
	HOOK_COMPLETED,
};
const char *hook_verb_name(enum hook_verb verb);
/* 0, or -1 for an unknown name */
int hook_verb_parse(const char *name, enum hook_verb *verb);

/* One line of JSON. */
int hook_message_write(enum hook_verb verb, const struct slot_job *job,
	struct dr_buf *out);
/*
 * A job may say what it likes: texts are cut, and control characters in them
 * replaced, before anybody prints them. job is the caller's to clear.
 */
int hook_message_parse(const char *text, size_t len, enum hook_verb *verb,
	struct slot_job *job, struct dr_err *err);

/* "1.4 MiB" */
void hook_format_bytes(uint64_t bytes, char *out, size_t size);

struct hook_receipt {
	const char *runner, *world, *isolation, *mode;
	struct world_usage usage;
};
/* What the started hook prints. */
int hook_greeting(const struct hook_receipt *r, struct dr_buf *out);
/* What the completed hook prints. */
int hook_receipt(const struct hook_receipt *r, struct dr_buf *out);

#endif
