/* Single values: from a text to what is stored. Pure. */
#ifndef DESKRUN_CONFIG_VALUES_H
#define DESKRUN_CONFIG_VALUES_H

#include <stdbool.h>

#include "config/config.h"
#include "config/schema.h"

/*
 * Stores the text as the key's type at base + key->offset (a list: one more
 * item). False when it is not what the key expects; then nothing is stored.
 * *oom is set when there was no memory.
 */
bool value_store(const struct schema_key *key, const char *text,
	const struct config_context *context, void *base, bool *oom);

/* Whether a value may stand in quotes. */
bool value_is_text(const struct schema_key *key);

#endif
