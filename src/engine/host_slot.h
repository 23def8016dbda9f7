/* A slot's directory, as the manager reads and writes it on its own host. */
#ifndef DESKRUN_ENGINE_HOST_SLOT_H
#define DESKRUN_ENGINE_HOST_SLOT_H

#include "engine/engine.h"

/* Everything that the files say; dirfd is the slot's directory. */
int host_slot_observe(int dirfd, struct engine_slot *slot, struct dr_err *err);

int host_slot_desire(int dirfd, enum slot_want want, struct dr_err *err);
int host_slot_write_spec(int dirfd, const struct slot_spec *spec,
	struct dr_err *err);
/* NULL removes it. The file is 0600 from its first moment. */
int host_slot_token(int dirfd, const char *token, struct dr_err *err);
/* Registration, state, and what steers a supervisor. */
int host_slot_forget(int dirfd, struct dr_err *err);

/* The error that a failed "deskrun-init probe" amounts to; returns -1. */
int host_probe_error(const char *text, size_t len, struct dr_err *err);

#endif
