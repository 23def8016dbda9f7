/* The members of a job, which events and receipts share. */
#ifndef DESKRUN_UTIL_SLOT_JOB_JSON_H
#define DESKRUN_UTIL_SLOT_JOB_JSON_H

#include "util/slot.h"

struct json_t;

/* Adds what is known of the job to the object. */
void slot_job_put(struct json_t *j, const struct slot_job *job);

#endif
