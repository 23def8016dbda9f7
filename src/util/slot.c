#include "util/slot.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/strv.h"

static const char *const mode_names[] = {
	[SLOT_MODE_STANDARD] = "standard",
	[SLOT_MODE_PRIVILEGED] = "privileged",
};

const char *slot_mode_name(enum slot_mode mode)
{
	return mode_names[mode];
}

int slot_mode_parse(const char *name, enum slot_mode *mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++) {
		if (strcmp(name, mode_names[i]) == 0) {
			*mode = (enum slot_mode)i;
			return 0;
		}
	}
	return -1;
}

static const char *const want_names[] = {
	[SLOT_RUN] = "run",
	[SLOT_DRAIN] = "drain",
	[SLOT_STOP] = "stop",
	[SLOT_NOW] = "now",
};

const char *slot_want_name(enum slot_want want)
{
	return want_names[want];
}

static const char *const phase_names[] = {
	[PHASE_STARTING] = "starting",
	[PHASE_UNREGISTERED] = "unregistered",
	[PHASE_REGISTERING] = "registering",
	[PHASE_CONNECTING] = "connecting",
	[PHASE_CONFLICT] = "session conflict",
	[PHASE_IDLE] = "idle",
	[PHASE_BUSY] = "busy",
	[PHASE_BACKOFF] = "back-off",
	[PHASE_DRAINED] = "drained",
	[PHASE_DEREGISTERED] = "deregistered",
	[PHASE_STOPPED] = "stopped",
	[PHASE_FATAL] = "failed",
};

const char *slot_phase_name(enum slot_phase phase)
{
	return phase_names[phase];
}

void slot_spec_clear(struct slot_spec *spec)
{
	free(spec->runner);
	free(spec->pool);
	free(spec->url);
	free(spec->group);
	strv_free(spec->labels);
	free(spec->version);
	free(spec->tree);
	free(spec->layers);
	free(spec->scratch);
	strv_free(spec->masks);
	strv_free(spec->expose);
	strv_free(spec->env);
	free(spec->ca_file);
	*spec = (struct slot_spec){0};
}

void slot_registration_clear(struct slot_registration *r)
{
	free(r->name);
	free(r->url);
	*r = (struct slot_registration){0};
}

void slot_job_clear(struct slot_job *job)
{
	free(job->repository);
	free(job->run_id);
	free(job->run_attempt);
	free(job->workflow);
	free(job->job);
	*job = (struct slot_job){0};
}

void slot_state_clear(struct slot_state *state)
{
	free(state->reason);
	free(state->isolation);
	strv_free(state->notes);
	free(state->world);
	slot_job_clear(&state->job);
	*state = (struct slot_state){0};
}
