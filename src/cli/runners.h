/* Runners as rows: what start, status and list print. */
#ifndef DESKRUN_CLI_RUNNERS_H
#define DESKRUN_CLI_RUNNERS_H

#include "cli/cli.h"
#include "runner/roster.h"

enum runners_view {
	RUNNERS_LIST,	/* what there is */
	RUNNERS_STATUS, /* and how it is */
};

int runners_print(const struct cli_call *call, const struct roster *roster,
	enum runners_view view, struct dr_err *err);

#endif
