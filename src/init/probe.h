/* What probe_run() finds, as text; see ground.h. */
#ifndef DESKRUN_INIT_PROBE_H
#define DESKRUN_INIT_PROBE_H

#include "util/buf.h"

struct probe_result {
	char **missing; /* none: worlds can be had */
	char **notes;
};

/* One JSON object without a line end. Pure. */
int probe_write(const struct probe_result *r, struct dr_buf *out);

#endif
