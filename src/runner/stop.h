/* stop: drained, off GitHub, forgotten; logs and receipts stay. */
#ifndef DESKRUN_RUNNER_STOP_H
#define DESKRUN_RUNNER_STOP_H

#include <signal.h>
#include <stdbool.h>

#include "runner/session.h"

struct stop_request {
	struct session *session; /* opened for "stop" */
	bool now;		 /* cancel running jobs */
	bool local; /* GitHub is not asked: the registrations stay there */
	int timeout_s;
	const volatile sig_atomic_t *interrupted;
};

/* Progress on stderr. Blocks until running jobs have ended; see converge(). */
int stop_runners(const struct stop_request *request, struct dr_err *err);

#endif
