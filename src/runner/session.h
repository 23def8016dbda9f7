/* What every command that is about runners opens first. */
#ifndef DESKRUN_RUNNER_SESSION_H
#define DESKRUN_RUNNER_SESSION_H

#include "config/config.h"
#include "runner/home.h"
#include "runner/roster.h"

struct session {
	const struct config *config; /* borrowed */
	struct home home;
	struct engine *engine; /* NULL: no data directory, so no slots */
	char *init;	       /* path of deskrun-init; command given */
	struct roster roster;
};

/*
 * command is the name of one that changes something ("start"), which holds
 * the data directory's lock until session_close(); NULL only looks. wanted as
 * in roster_make(). DR_ENGINE without root.
 */
int session_open(const struct config *config, const char *command,
	char *const *wanted, struct session *session, struct dr_err *err);
void session_close(struct session *session);
#define auto_session __attribute__((cleanup(session_close)))
#define SESSION_INIT              \
	{                         \
		.home = HOME_INIT \
	}

#endif
