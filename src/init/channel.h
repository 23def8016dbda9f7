/*
 * The pipe on which a Listener speaks to its Worker.
 *
 * A message is its type and the length of its body in bytes, four each in the
 * machine's order, then the body (UTF-16). Sources: actions/runner,
 * src/Runner.Common/ProcessChannel.cs and StreamString.cs.
 */
#ifndef DESKRUN_INIT_CHANNEL_H
#define DESKRUN_INIT_CHANNEL_H

#include <stdint.h>

#include "util/err.h"

#define CHANNEL_HEAD 8
#define CHANNEL_BODY_MAX 50000000 /* StreamString.MaxStringSize */

enum channel_type {
	CHANNEL_JOB = 1,
	CHANNEL_CANCEL = 2,
	CHANNEL_SHUTDOWN = 3,	 /* the Listener has left its message loop */
	CHANNEL_OS_SHUTDOWN = 4, /* likewise */
};

struct channel_head {
	enum channel_type type;
	uint32_t length; /* of the body */
};

/* 0, or -1 when these bytes begin no message. */
int channel_head_parse(const void *bytes, struct channel_head *head);

/*
 * Reads one message off the pipe and drops it. A Listener that cannot get rid
 * of its job message never completes the job and renews its lock for ever
 * (tried). Ends early when stop_fd (or -1) becomes readable. DR_TIMEOUT,
 * DR_INTERRUPTED, or DR_FAILED when there is no message.
 */
int channel_drain(int fd, int stop_fd, int timeout_ms, struct dr_err *err);

#endif
