/* From a pool of the configuration to what a supervisor is told. Pure. */
#ifndef DESKRUN_RUNNER_SPEC_H
#define DESKRUN_RUNNER_SPEC_H

#include "config/config.h"
#include "util/slot.h"

/* What all runners of one start share; strings are borrowed. */
struct spec_common {
	const struct config *config;
	const char *version;  /* of actions/runner */
	const char *tree;     /* where it is extracted */
	const char *layers;   /* of deskrun-init */
	const char *ca_file;  /* bundle, or NULL */
	char *const *environ; /* proxy variables to be passed on */
};

/* spec is to be cleared; -1 without memory. */
int spec_make(const struct spec_common *common, const struct config_pool *pool,
	const char *runner, struct slot_spec *spec);

/* Whether a supervisor that was started with this text (spec.json) would do
 * as spec says. NULL is not. */
bool spec_matches(const struct slot_spec *spec, const char *text);

#endif
