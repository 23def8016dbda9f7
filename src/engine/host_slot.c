#include "engine/host_slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"

/* A slot's bounded files; what exceeds this was not written by us. */
#define EVENTS_MAX (4 * 1024 * 1024)

/* 0 with an empty buffer when the file does not exist. */
static int read_optional(int dirfd, const char *name, struct dr_buf *buf,
	struct dr_err *err)
{
	struct dr_err why = DR_ERR_INIT;

	dr_buf_reset(buf);
	if (fs_read_beneath(dirfd, name, buf, &why) == 0 ||
		why.code == DR_NOT_FOUND)
		return 0;
	*err = why;
	return -1;
}

static void fold_lines(struct slot_state *state, const struct dr_buf *text)
{
	const char *line = text->data, *end = text->data + text->len, *nl;
	enum slot_event_type type;

	/* a line without an end is still being written */
	while ((nl = memchr(line, '\n', (size_t)(end - line)))) {
		slot_state_fold(state, line, (size_t)(nl - line), &type);
		line = nl + 1;
	}
}

static int observe_events(int dirfd, struct slot_state *state,
	struct dr_err *err)
{
	auto_buf struct dr_buf text;

	/* the current file begins with a snapshot once there is an older */
	dr_buf_init(&text, EVENTS_MAX);
	if (read_optional(dirfd, SLOT_EVENTS, &text, err) < 0)
		return -1;
	fold_lines(state, &text);
	return 0;
}

static int observe_registration(int dirfd, struct engine_slot *slot,
	struct dr_err *err)
{
	auto_buf struct dr_buf text;

	dr_buf_init(&text, SLOT_FILE_MAX);
	if (read_optional(dirfd, SLOT_REGISTRATION, &text, err) < 0)
		return -1;
	if (text.len > 0)
		return slot_registration_parse(text.data, text.len,
			&slot->registration, err);
	/* a supervisor that died in between left only the runner's own */
	if (read_optional(dirfd, SLOT_STATE "/upper/.runner", &text, err) < 0)
		return -1;
	if (text.len > 0)
		return slot_runner_file_parse(text.data, text.len,
			&slot->registration, err);
	return 0;
}

static int observe_desired(int dirfd, struct engine_slot *slot,
	struct dr_err *err)
{
	auto_buf struct dr_buf text;

	dr_buf_init(&text, SLOT_FILE_MAX);
	if (read_optional(dirfd, SLOT_DESIRED, &text, err) < 0)
		return -1;
	if (text.len > 0 &&
		slot_desired_parse(text.data, text.len, &slot->desired, err) <
			0)
		return -1;
	if (read_optional(dirfd, SLOT_SPEC, &text, err) < 0)
		return -1;
	if (text.len > 0 && !(slot->spec = dr_buf_steal(&text)))
		return dr_err_oom(err);
	return 0;
}

int host_slot_observe(int dirfd, struct engine_slot *slot, struct dr_err *err)
{
	slot->exists = true;
	slot->alive = fs_lock_held(dirfd, SLOT_LOCK, slot->holder,
		sizeof(slot->holder));
	if (observe_events(dirfd, &slot->state, err) < 0 ||
		observe_registration(dirfd, slot, err) < 0 ||
		observe_desired(dirfd, slot, err) < 0)
		return -1;
	return 0;
}

int host_slot_desire(int dirfd, enum slot_want want, struct dr_err *err)
{
	struct engine_slot now = {0};
	auto_buf struct dr_buf text;
	struct dr_err ignored = DR_ERR_INIT;
	struct slot_desired desired = {.want = want};

	/* an unreadable file is replaced: it says nothing */
	observe_desired(dirfd, &now, &ignored);
	desired.generation = now.desired.generation + 1;
	engine_slot_clear(&now);
	dr_buf_init(&text, SLOT_FILE_MAX);
	if (slot_desired_write(&desired, &text) < 0)
		return dr_err_oom(err);
	return fs_write_atomic(dirfd, SLOT_DESIRED, text.data, text.len, 0600,
		err);
}

int host_slot_write_spec(int dirfd, const struct slot_spec *spec,
	struct dr_err *err)
{
	auto_buf struct dr_buf text;

	dr_buf_init(&text, SLOT_FILE_MAX);
	if (slot_spec_write(spec, &text) < 0)
		return dr_err_set(err, DR_FAILED, "%s does not fit %d bytes",
			SLOT_SPEC, SLOT_FILE_MAX);
	return fs_write_atomic(dirfd, SLOT_SPEC, text.data, text.len, 0600,
		err);
}

static int unlink_optional(int dirfd, const char *name, struct dr_err *err)
{
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return dr_err_errno(err, DR_FAILED, "remove %s", name);
	return 0;
}

int host_slot_token(int dirfd, const char *token, struct dr_err *err)
{
	if (!token)
		return unlink_optional(dirfd, SLOT_TOKEN, err);
	return fs_write_atomic(dirfd, SLOT_TOKEN, token, strlen(token), 0600,
		err);
}

int host_slot_forget(int dirfd, struct dr_err *err)
{
	static const char *const files[] = {
		SLOT_TOKEN,
		SLOT_REGISTRATION,
		SLOT_DESIRED,
		SLOT_SPEC,
		"ca.pem",
		"shim.sock",
	};

	/* the registration goes last: until then a repeated stop finds it */
	if (fs_remove_tree(dirfd, SLOT_STATE, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlink_optional(dirfd, files[i], err) < 0)
			return -1;
	return 0;
}
