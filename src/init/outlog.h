/*
 * A child's output: read from a pipe line by line, written to a bounded log,
 * shown to whoever looks for words in it.
 */
#ifndef DESKRUN_INIT_OUTLOG_H
#define DESKRUN_INIT_OUTLOG_H

#include "init/loop.h"
#include "init/rotated.h"

/* A longer line is cut: nothing that we look for is. */
#define OUTLOG_LINE 2048

struct outlog {
	struct loop *loop;
	struct loop_source pipe;
	struct rotated file;
	const char *secret; /* borrowed: never written or shown; or NULL */
	void (*on_line)(void *arg, const char *line);
	void *arg;
	char line[OUTLOG_LINE];
	size_t len;
};

/*
 * Makes the pipe; *child is the end for the child's stdout and stderr. on_line
 * is called with every line that is not empty, without its end.
 */
int outlog_open(struct outlog *o, struct loop *loop, int dir_fd,
	const char *name, int *child, struct dr_err *err);
/* Takes what has come so far; for use after the child's death. */
void outlog_drain(struct outlog *o);
/* Drains and closes. What still holds the other end writes to nobody. */
void outlog_close(struct outlog *o);

/* For tests: what a read from the pipe goes through. */
void outlog_feed(struct outlog *o, const char *data, size_t len);

#endif
