/* Building a world for the sake of it, without a Worker. */
#ifndef DESKRUN_INIT_WORLD_TRY_H
#define DESKRUN_INIT_WORLD_TRY_H

#include "init/ground.h"

/* Whether the plan can be executed here; nothing of it stays. */
int world_try(struct ground *g, struct dr_err *err);

#endif
