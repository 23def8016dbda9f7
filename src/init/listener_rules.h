/* What the end of a Listener means, and what its output says. Pure. */
#ifndef DESKRUN_INIT_LISTENER_RULES_H
#define DESKRUN_INIT_LISTENER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum listener_said {
	SAID_NOTHING,
	SAID_LISTENING,
	SAID_CONFLICT, /* GitHub still holds an earlier session */
	SAID_DELETED,  /* the registration is gone on GitHub */
	SAID_OFFLINE,  /* it cannot reach GitHub, and goes on trying */
	SAID_ONLINE,   /* it can again */
	SAID_ERROR,    /* a reason for people */
};
/* What a line of its output is about. */
enum listener_said listener_said(const char *line);

enum listener_fate {
	FATE_ENDED,	   /* as it was asked to */
	FATE_RESTART,	   /* with back-off */
	FATE_RESTART_SOON, /* it wants to be started again: no failure */
	FATE_DEREGISTERED, /* not again */
};

struct listener_end {
	int status;	   /* as in waitpid(2) */
	bool registered;   /* .runner is still there */
	bool said_deleted; /* it told that the registration is gone */
	bool asked;	   /* we had signalled it */
};
/*
 * reason gets a sentence for people; said, its own last complaint or "", is
 * preferred where the code says little.
 */
enum listener_fate listener_rule(const struct listener_end *end,
	const char *said, char *reason, size_t size);
/* The code as shells count it: 128 + signal. */
int listener_code(int status);

#define LISTENER_BACKOFF_MAX_MS 60000
/* A Listener that listened for this long starts the back-off anew. */
#define LISTENER_SOUND_MS 60000
/* The pause before the next start after so many failures in a row (from 1). */
uint64_t listener_backoff_ms(unsigned failures);

#endif
