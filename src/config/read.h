/* From the tree of a file to struct config, as the schema says. */
#ifndef DESKRUN_CONFIG_READ_H
#define DESKRUN_CONFIG_READ_H

#include "config/config.h"
#include "config/yaml.h"

/*
 * Fills config from the tree and from defaults, key by key; what is wrong is
 * added to problems. Keys that concern each other are not compared.
 */
void read_config(const struct node *root, const struct config_context *context,
	struct config *config, struct config_problems *problems);

/* Compares them: what contradicts itself is added to problems. */
void conflicts_find(const struct config_context *context, struct config *config,
	struct config_problems *problems);

#endif
