/*
 * What runs the supervisors: one small interface, an implementation a file.
 *
 * An engine knows nothing of GitHub. It brings deskrun-init to a slot, tells
 * it what is desired, and says what it observed; the layer above decides.
 */
#ifndef DESKRUN_ENGINE_ENGINE_H
#define DESKRUN_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/slot.h"

struct engine;

/* What is known of one slot; owns its strings. */
struct engine_slot {
	bool exists;	 /* there is a directory of ours */
	bool alive;	 /* a supervisor holds its lock */
	char holder[64]; /* the lock's text then: "1234 deskrun-init" */
	/* folded events; epoch 0 when there are none */
	struct slot_state state;
	struct slot_registration registration; /* id 0: not registered */
	struct slot_desired desired;
	/* text of spec.json as the supervisor was started; or NULL */
	char *spec;
};
void engine_slot_clear(struct engine_slot *slot);

/*
 * All functions may block for file operations; only start and wait block for
 * longer. Each names the runner in its errors. Failure is DR_ENGINE unless it
 * says otherwise.
 */
struct engine_ops {
	const char *name; /* value of "engine:" in the configuration */

	/* Whether worlds can be had: the error names what is missing. */
	int (*check)(struct engine *e, struct dr_err *err);
	/* Names of the slots that exist, sorted; a new vector. */
	int (*list)(struct engine *e, char ***runners, struct dr_err *err);
	/* An absent slot is success, with exists false. */
	int (*observe)(struct engine *e, const char *runner,
		struct engine_slot *slot, struct dr_err *err);
	/*
	 * Starts a supervisor for spec->runner, which wants SLOT_RUN. The
	 * caller has seen that none is alive. Returns when it is up (it holds
	 * its lock and can build worlds) or has said why not.
	 */
	int (*start)(struct engine *e, const struct slot_spec *spec,
		struct dr_err *err);
	/* Writes the desired state, a generation later than the last. */
	int (*desire)(struct engine *e, const char *runner, enum slot_want want,
		struct dr_err *err);
	/* Hands over a registration token, or takes it back (NULL). */
	int (*give_token)(struct engine *e, const char *runner,
		const char *token, struct dr_err *err);
	/*
	 * Idempotent: an absent slot is success. Forgets the registration and
	 * the Listener's state; keeps logs, events and receipts. Refuses with
	 * DR_BUSY while a supervisor lives.
	 */
	int (*remove)(struct engine *e, const char *runner, struct dr_err *err);
	/*
	 * Blocks until a slot reported something since the last call, at most
	 * timeout_ms. A signal ends it early. Never fails: who is woken for
	 * nothing looks again.
	 */
	void (*wait)(struct engine *e, int timeout_ms);
};

struct engine {
	const struct engine_ops *ops;
};

/*
 * The host itself: supervisors are processes of this machine.
 *
 * data is the data directory, init the deskrun-init to be brought there, and
 * digest the hexadecimal SHA-256 of that file; all are copied.
 */
struct engine *engine_host_new(const char *data, const char *init,
	const char *digest, struct dr_err *err);
void engine_host_free(struct engine *e);

/*
 * The directory of deskrun-init's layers below the data directory, made when
 * absent (see src/init/ground.h); to be freed. NULL on failure.
 */
char *engine_host_layers(struct engine *e, struct dr_err *err);

#endif
