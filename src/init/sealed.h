/*
 * The supervisor's own program, out of a job's reach.
 *
 * A privileged job can open /proc/1/exe of its world, which is a copy of the
 * supervisor: were it the file on disk, a job could write to the program that
 * the next world is made by (the way of CVE-2019-5736).
 */
#ifndef DESKRUN_INIT_SEALED_H
#define DESKRUN_INIT_SEALED_H

#include <stdbool.h>

#include "util/err.h"

/* Whether this process runs from a sealed file already. */
bool sealed_already(void);
/* Executes itself anew out of a sealed memory file; returns only on failure. */
int sealed_exec(char **argv, struct dr_err *err);

#endif
