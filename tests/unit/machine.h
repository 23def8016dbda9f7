/*
 * A machine of its own for tests that build worlds.
 *
 * An overlay of the real root, entered for good by a child: what tests plant
 * in /etc, /home or /srv is seen by nobody else, and gone with the program.
 */
#ifndef DESKRUN_TESTS_MACHINE_H
#define DESKRUN_TESTS_MACHINE_H

#include "init/janitor.h"
#include "init/world.h"
#include "util/buf.h"
#include "util/slot.h"

/* Below this, a tmpfs: slot/, scratch/, tree/, layers/ */
#define MACHINE_DATA "/data"

/* Runs body in such a machine and returns its exit status, or 77 with a
 * reason on stdout where there can be none. */
int machine_run(int (*body)(void));

/* The ordinary slot of these tests; change what is to be different. */
void machine_spec(struct slot_spec *spec);
/* An open ground, or the test fails with the reason. */
struct ground *machine_ground(const struct slot_spec *spec);
int machine_slot(void);

/* Writes a file of the machine, its directories included. */
void machine_write(const char *path, const char *text);
/* Runs a shell command on the machine; fails the test when that fails. */
void machine_sh(const char *command);

struct job {
	struct world world;
	struct world_end end;
	struct janitor_report wiped;
	struct dr_buf out; /* its stdout and stderr */
	int out_fd;
};

/* The Worker is a shell with this script; FD 1 and 2 are collected. */
int job_start(struct ground *g, const char *script, struct job *job,
	struct dr_err *err);
/* Reads what it says until the world is dead, and reaps it. */
void job_wait(struct job *job);
/* Starts the janitor and waits for its report. */
void job_wipe(struct ground *g, struct job *job);
void job_clear(struct job *job);

/* All of it; fails the test when the world cannot be had. To be cleared. */
struct job job_run(struct ground *g, const char *script);
/* The same when only success and silence count. */
void job_expect(struct ground *g, const char *script, const char *out);

#endif
