/* start: every runner of the configuration registered, and listening. */
#ifndef DESKRUN_RUNNER_START_H
#define DESKRUN_RUNNER_START_H

#include <signal.h>

#include "runner/hub.h"
#include "runner/session.h"

struct start_request {
	struct session *session; /* opened for "start" */
	const char *tarball;	 /* or NULL */
	int timeout_s;		 /* 0: none */
	const volatile sig_atomic_t *interrupted;
};

/* Progress on stderr. Blocks until all listen; see converge(). */
int start_runners(const struct start_request *request, struct dr_err *err);

#endif
