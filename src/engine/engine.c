#include "engine/engine.h"

#include <stdlib.h>

void engine_slot_clear(struct engine_slot *slot)
{
	slot_state_clear(&slot->state);
	slot_registration_clear(&slot->registration);
	free(slot->spec);
	*slot = (struct engine_slot){0};
}
