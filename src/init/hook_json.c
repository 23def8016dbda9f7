/* The hook's message as JSON: pure. */
#include "init/hook_message.h"

#include <string.h>

#include "util/cleanup.h"
#include "util/json.h"

static const char *const verbs[] = {
	[HOOK_STARTED] = "started",
	[HOOK_COMPLETED] = "completed",
};

const char *hook_verb_name(enum hook_verb verb)
{
	return verbs[verb];
}

int hook_verb_parse(const char *name, enum hook_verb *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(name, verbs[i]) == 0) {
			*verb = (enum hook_verb)i;
			return 0;
		}
	}
	return -1;
}

int hook_message_write(enum hook_verb verb, const struct slot_job *job,
	struct dr_buf *out)
{
	auto_json json_t *j = json_object();

	json_put_str(j, "hook", verbs[verb]);
	json_put_str(j, "repository", job->repository);
	json_put_str(j, "run_id", job->run_id);
	json_put_str(j, "run_attempt", job->run_attempt);
	json_put_str(j, "workflow", job->workflow);
	json_put_str(j, "job", job->job);
	json_write(j, out);
	return dr_buf_addstr(out, "\n");
}

/* Cut where no UTF-8 sequence is torn: before a byte that begins one. */
static char *tame(char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len > HOOK_TEXT_MAX) {
		len = HOOK_TEXT_MAX;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		text[len] = '\0';
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	return text;
}

int hook_message_parse(const char *text, size_t len, enum hook_verb *verb,
	struct slot_job *job, struct dr_err *err)
{
	auto_json json_t *j = json_parse(text, len, "the hook's message", err);

	*job = (struct slot_job){0};
	if (!j)
		return -1;
	if (hook_verb_parse(json_str(j, "hook", ""), verb) < 0)
		return dr_err_set(err, DR_FAILED, "unknown hook");
	job->repository = tame(json_strdup(j, "repository"));
	job->run_id = tame(json_strdup(j, "run_id"));
	job->run_attempt = tame(json_strdup(j, "run_attempt"));
	job->workflow = tame(json_strdup(j, "workflow"));
	job->job = tame(json_strdup(j, "job"));
	return 0;
}
