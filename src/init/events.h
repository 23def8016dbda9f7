/*
 * The writer of events.jsonl.
 *
 * It folds what it writes, so that the snapshot that begins a new file is
 * what a reader of all lines would have come to.
 */
#ifndef DESKRUN_INIT_EVENTS_H
#define DESKRUN_INIT_EVENTS_H

#include "init/rotated.h"
#include "util/slot.h"

struct events {
	struct rotated file;
	struct dr_buf line;
	uint64_t epoch, seq;
	int64_t generation; /* echoed by every event */
	struct slot_state state;
	int copy_fd; /* standard output, or -1: loses lines, never blocks */
	bool copy_torn;
};

/* Begins an epoch later than any in the file. */
int events_open(struct events *ev, int slot_fd, struct dr_err *err);
void events_close(struct events *ev);

/* Copies every line to what fd is as well. */
void events_copy(struct events *ev, int fd);

/*
 * Writes and folds. A disk that is full loses the line in the file, not in
 * the state; the failure goes to stderr.
 */
void events_emit(struct events *ev, const struct slot_event *event);

#endif
