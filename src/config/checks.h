/* What single texts have to look like: pure predicates for the schema. */
#ifndef DESKRUN_CONFIG_CHECKS_H
#define DESKRUN_CONFIG_CHECKS_H

#include <stdbool.h>

#include "config/config.h"

/* Names of pools and runners */
bool check_name(const char *text);
/* Names made of {host}, {pool}, {n} and what names may contain */
bool check_template(const char *text);
bool check_target(const char *text);
enum config_target check_target_kind(const char *text);
bool check_group(const char *text);
bool check_label(const char *text);
/* Labels that every runner has by itself */
bool check_label_is_fixed(const char *text);
/* https://host[:port], or http for a loopback address */
bool check_url(const char *text);
bool check_runner_version(const char *text);
/* Names of environment variables */
bool check_variable(const char *text);
/* Variables through which the runner is steered from outside */
bool check_variable_is_ours(const char *text);
bool check_path(const char *text);
/* A path that can stand among the options of an overlay mount */
bool check_data(const char *text);

#endif
