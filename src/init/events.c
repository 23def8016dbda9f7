#include "init/events.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/log.h"

/* What is read of the end of a file: lines are at most SLOT_LINE_MAX. */
#define TAIL (2 * SLOT_LINE_MAX)

/* The epoch of the last whole line, or 0. */
static uint64_t last_epoch(int slot_fd, const char *name)
{
	auto_close int fd = openat(slot_fd, name,
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct slot_state state = {0};
	enum slot_event_type type;
	char tail[TAIL + 1], *line, *end;
	struct stat st;
	uint64_t epoch;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	n = pread(fd, tail, TAIL, st.st_size > TAIL ? st.st_size - TAIL : 0);
	tail[n > 0 ? n : 0] = '\0';
	for (line = tail; (end = strchr(line, '\n')); line = end + 1)
		slot_state_fold(&state, line, (size_t)(end - line), &type);
	epoch = state.epoch;
	slot_state_clear(&state);
	return epoch;
}

int events_open(struct events *ev, int slot_fd, struct dr_err *err)
{
	uint64_t last = last_epoch(slot_fd, SLOT_EVENTS);

	*ev = (struct events){.copy_fd = -1};
	dr_buf_init(&ev->line, SLOT_LINE_MAX);
	if (last == 0)
		last = last_epoch(slot_fd, SLOT_EVENTS ".1");
	/* the time says more than a number; a clock set back does not harm */
	ev->epoch = clock_wall_ms();
	if (ev->epoch <= last)
		ev->epoch = last + 1;
	return rotated_open(&ev->file, slot_fd, SLOT_EVENTS, err);
}

void events_close(struct events *ev)
{
	rotated_close(&ev->file);
	dr_buf_clear(&ev->line);
	slot_state_clear(&ev->state);
	cleanup_close(&ev->copy_fd);
}

void events_copy(struct events *ev, int fd)
{
	char path[64];

	/* Opened anew: O_NONBLOCK belongs to the open file, which whoever
	 * started us may share. A socket cannot be opened; see copy(). */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ev->copy_fd = open(path, O_WRONLY | O_NONBLOCK | O_APPEND | O_CLOEXEC);
	if (ev->copy_fd < 0)
		ev->copy_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static ssize_t write_some(int fd, const char *data, size_t len)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		return send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(fd, data, len);
}

static void copy(struct events *ev)
{
	ssize_t n;

	if (ev->copy_fd < 0)
		return;
	if (ev->copy_torn && write_some(ev->copy_fd, "\n", 1) != 1)
		return;
	n = write_some(ev->copy_fd, ev->line.data, ev->line.len);
	ev->copy_torn = n > 0 && (size_t)n < ev->line.len;
}

/* Renders into ev->line and folds that very line. */
static int render(struct events *ev, const struct slot_event *event)
{
	struct slot_event stamped = *event;
	enum slot_event_type type;

	stamped.generation = ev->generation;
	dr_buf_reset(&ev->line);
	if (slot_event_write(&stamped, ev->epoch, ev->seq + 1, clock_wall_ms(),
		    &ev->line) < 0)
		return -1;
	ev->seq++;
	slot_state_fold(&ev->state, ev->line.data, ev->line.len, &type);
	return 0;
}

static int append(struct events *ev, struct dr_err *err)
{
	int rc = rotated_append(&ev->file, ev->line.data, ev->line.len, err);

	copy(ev);
	return rc;
}

/* A new file begins with all that the old one came to. */
static int rotate(struct events *ev, struct dr_err *err)
{
	struct slot_event snapshot = {.type = EV_SNAPSHOT, .state = &ev->state};

	if (rotated_rotate(&ev->file, err) < 0)
		return -1;
	if (render(ev, &snapshot) < 0)
		return dr_err_set(err, DR_FAILED, "a snapshot is too large");
	return append(ev, err);
}

void events_emit(struct events *ev, const struct slot_event *event)
{
	struct slot_event bare = *event;
	struct dr_err err = DR_ERR_INIT;

	if (rotated_full(&ev->file, SLOT_LINE_MAX) && rotate(ev, &err) < 0)
		log_error("%s", err.msg);
	/* members without which an event still says what happened */
	bare.notes = NULL;
	bare.reason = NULL;
	if (render(ev, event) < 0 && render(ev, &bare) < 0)
		log_error("event %s is too large",
			slot_event_name(event->type));
	else if (append(ev, &err) < 0)
		log_error("%s", err.msg);
}
