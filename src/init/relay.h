/*
 * The supervisor between the Listener's end of the job's pipe and the
 * Worker's: it passes messages on, and can hold them back.
 *
 * That is what the gate needs. A Listener that is told to end while its job
 * runs leaves its message loop at once (so GitHub can hand it nothing more),
 * keeps the job's lock, and tells the Worker to shut down. Held back, that
 * message proves that the loop was left, and the job ends in peace.
 */
#ifndef DESKRUN_INIT_RELAY_H
#define DESKRUN_INIT_RELAY_H

#include <stddef.h>

#include "init/channel.h"
#include "init/loop.h"

struct relay {
	struct loop *loop;
	struct loop_source in;	/* from the Listener: a duplicate */
	struct loop_source out; /* to the Worker */
	/* a message that is held back, complete up to its body's beginning */
	void (*on_held)(void *arg, enum channel_type type);
	void *arg;
	unsigned char head[CHANNEL_HEAD];
	size_t have;   /* bytes of the head that were read */
	size_t sent;   /* of those, passed on */
	uint32_t body; /* bytes of the body still to come */
	bool holding;  /* nothing more is passed on */
	bool told;     /* on_held was called for this head */
	bool raw;      /* not the framing that we know: only copied */
};

/*
 * from is the Listener's pipe, which stays the caller's. *worker is the end
 * for the Worker, the caller's too.
 */
int relay_open(struct relay *r, struct loop *loop, int from, int *worker,
	struct dr_err *err);
void relay_close(struct relay *r);

/* From the next message on, none is passed on; on_held tells of the first. */
void relay_hold(struct relay *r);
/* Forgets the message that on_held told of, if it has no body. */
void relay_drop(struct relay *r);
/* What was held goes on its way. */
void relay_release(struct relay *r);

#endif
