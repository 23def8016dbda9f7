/* The environments that our children get: made, never inherited. Pure. */
#ifndef DESKRUN_INIT_ENVIRONMENT_H
#define DESKRUN_INIT_ENVIRONMENT_H

#include "util/slot.h"

/* Each returns a new vector, or NULL without memory. slot_dir is absolute. */

/* What Listener and config.sh have in common with the pool's env. */
char **environment_listener(const struct slot_spec *spec, const char *slot_dir);
/* That, and the registration token in the one variable meant for it. */
char **environment_config(const struct slot_spec *spec, const char *slot_dir,
	const char *token);
/*
 * The Worker's in its world: the shim's without what was the Listener's own
 * business, and with our hooks. They are set last, so that neither env: nor
 * the runner's .env can switch them off.
 */
char **environment_worker(const struct slot_spec *spec, char *const *shim);

#endif
