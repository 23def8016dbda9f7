/*
 * A slot: the directory of one runner, and what is written there.
 *
 * It is the whole interface between the manager and the supervisor; state
 * flows one way each. Manager to supervisor: spec.json (read once, when the
 * supervisor starts), desired.json (watched), registration-token (consumed).
 * Supervisor to manager: events.jsonl, receipts.jsonl, registration.json.
 */
#ifndef DESKRUN_UTIL_SLOT_H
#define DESKRUN_UTIL_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

/* Names in the slot's directory */
#define SLOT_SPEC "spec.json"
#define SLOT_DESIRED "desired.json"
/* One line, mode 0600: read, unlinked, forgotten once the runner registers. */
#define SLOT_TOKEN "registration-token"
#define SLOT_REGISTRATION "registration.json"
#define SLOT_LOCK "lock"	   /* fs_lock(), held for a supervisor's life */
#define SLOT_EVENTS "events.jsonl" /* rotated to .1 */
#define SLOT_RECEIPTS "receipts.jsonl" /* rotated to .1 */
#define SLOT_STATE "state" /* 0700: upper/ and work/ of the Listener's tree */
#define SLOT_ROOT "root"   /* mount point of that tree, in the supervisor */
#define SLOT_LOGS "logs"
#define SLOT_LOG_INIT "logs/init.log"	      /* the supervisor's stderr */
#define SLOT_LOG_LISTENER "logs/listener.log" /* its stdout and stderr */
#define SLOT_LOG_CONFIG "logs/config.log"     /* config.sh's */
#define SLOT_LOG_JOBS "logs/jobs"	      /* <world>.log: the Worker's */

/* Largest accepted file, bytes */
#define SLOT_FILE_MAX (256 * 1024)
/* Longest event or receipt line, bytes with the line end */
#define SLOT_LINE_MAX 8192

enum slot_mode {
	SLOT_MODE_STANDARD,
	SLOT_MODE_PRIVILEGED,
};
const char *slot_mode_name(enum slot_mode mode);
/* 0, or -1 for an unknown name */
int slot_mode_parse(const char *name, enum slot_mode *mode);

/* 0 is unlimited */
struct slot_limits {
	int64_t cpus_milli; /* thousandths of a processor */
	int64_t memory;	    /* bytes */
	int64_t pids;
};

/* spec.json: everything that a supervisor needs to know; owns its strings */
struct slot_spec {
	char *runner; /* registered name */
	char *pool;
	char *url;     /* --url of config.sh */
	char *group;   /* runner group, or NULL for the default */
	char **labels; /* besides the runner's own three */
	char *version; /* of actions/runner */
	char *tree;    /* absolute: extracted runner, read-only */
	char *layers;  /* absolute: init/<digest>, see src/init/layers.h */
	char *scratch; /* absolute: this slot's own directory */
	enum slot_mode mode;
	bool host;     /* worlds stand on the machine's own root: mask it */
	char **masks;  /* absolute paths hidden besides the built-in table */
	char **expose; /* absolute paths not hidden after all */
	struct slot_limits limits;
	char **env;    /* NAME=value: the Listener's, and so the jobs' */
	char *ca_file; /* absolute: PEM bundle to be trusted, or NULL */
};

void slot_spec_clear(struct slot_spec *spec);
int slot_spec_parse(const char *text, size_t len, struct slot_spec *spec,
	struct dr_err *err);
int slot_spec_write(const struct slot_spec *spec, struct dr_buf *out);

/*
 * desired.json. Level-triggered: the file says what should be, not what to
 * do; a supervisor that finds it at its start obeys it as well.
 */
enum slot_want {
	SLOT_RUN,   /* a Listener runs, and is started again when it ends */
	SLOT_DRAIN, /* gate at the end of a running job; an idle Listener is
		     * left alone (signalling it can lose a job); one that
		     * ended is not started again; the supervisor stays */
	SLOT_STOP,  /* drain, and SIGINT to an idle Listener; then end */
	SLOT_NOW,   /* SIGINT also to a busy Listener, which cancels its job;
		     * kill the world when that takes too long; then end */
};
const char *slot_want_name(enum slot_want want);

struct slot_desired {
	enum slot_want want;
	int64_t generation; /* counts up with every write; events echo it */
};
int slot_desired_parse(const char *text, size_t len,
	struct slot_desired *desired, struct dr_err *err);
int slot_desired_write(const struct slot_desired *desired, struct dr_buf *out);

/* registration.json, written when config.sh has succeeded */
struct slot_registration {
	int64_t id; /* GitHub's runner id */
	char *name;
	char *url;
};
void slot_registration_clear(struct slot_registration *r);
int slot_registration_parse(const char *text, size_t len,
	struct slot_registration *r, struct dr_err *err);
int slot_registration_write(const struct slot_registration *r,
	struct dr_buf *out);
/* The same out of the runner's own .runner file (with its byte order mark). */
int slot_runner_file_parse(const char *text, size_t len,
	struct slot_registration *r, struct dr_err *err);

/* One event; the table in slot_json.c has their names and members. */
enum slot_event_type {
	EV_STARTED,  /* a supervisor began: a new epoch */
	EV_SNAPSHOT, /* first line after a rotation: the whole state */
	EV_REGISTERING,
	EV_REGISTERED,		/* id */
	EV_REGISTRATION_FAILED, /* reason */
	EV_UNREGISTERED,	/* waits for a registration token */
	EV_LISTENER_STARTED,	/* pid */
	EV_LISTENING,		/* connected, waits for jobs */
	EV_CONNECT_ERROR,	/* reason; the Listener goes on trying */
	EV_SESSION_CONFLICT,	/* GitHub still holds an earlier session */
	EV_LISTENER_EXITED,	/* code, reason, retry_ms (-1: not again) */
	EV_JOB_STARTED,		/* world */
	EV_JOB_IDENTIFIED,	/* world, job: from the started hook */
	EV_JOB_COMPLETED,	/* world, code, waited_us */
	EV_WIPED,		/* world: its receipt is in receipts.jsonl */
	EV_TAINTED,		/* world, reason */
	EV_GATED,	 /* the Listener was told to end at a job's end */
	EV_DRAINED,	 /* no Listener, and none is started */
	EV_DEREGISTERED, /* GitHub deleted the registration */
	EV_HEARTBEAT,
	EV_FATAL,   /* reason: the supervisor gives up and ends */
	EV_STOPPED, /* the supervisor ends as desired */
	EV_COUNT,
};
const char *slot_event_name(enum slot_event_type type);

/* What the started hook says of a job; every text may be NULL. */
struct slot_job {
	char *repository; /* owner/name */
	char *run_id;
	char *run_attempt;
	char *workflow;
	char *job; /* its key in the workflow file */
};
void slot_job_clear(struct slot_job *job);

/*
 * What follows from all events so far. The supervisor folds its own events as
 * well, so that a snapshot and a reader's fold cannot differ.
 */
enum slot_phase {
	PHASE_STARTING,
	PHASE_UNREGISTERED,
	PHASE_REGISTERING,
	PHASE_CONNECTING, /* a Listener runs, without a session as yet */
	PHASE_CONFLICT,
	PHASE_IDLE,
	PHASE_BUSY,
	PHASE_BACKOFF, /* the Listener ended; the next start is due */
	PHASE_DRAINED, /* no Listener, and none wanted */
	PHASE_DEREGISTERED,
	PHASE_STOPPED,
	PHASE_FATAL,
};
const char *slot_phase_name(enum slot_phase phase);

struct slot_state {
	uint64_t epoch; /* 0: no event was seen */
	uint64_t seq;
	int64_t generation; /* of the desired state that is in force */
	enum slot_phase phase;
	char *reason;	   /* of the phase, for people; or NULL */
	uint64_t since_ms; /* wall clock: when the phase began */
	int64_t listener_pid;
	int64_t runner_id;
	uint64_t retry_at_ms; /* PHASE_BACKOFF: wall clock of the next start */
	int64_t restarts;     /* Listener lives that ended by themselves */
	char *isolation;      /* "world" */
	char **notes;	      /* what this machine's worlds lack */
	char *world;	      /* PHASE_BUSY: name of the running world */
	struct slot_job job;  /* PHASE_BUSY, when identified */
	int64_t jobs;	      /* worlds ended in this epoch */
	int64_t wiped;	      /* of those, wiped */
};
void slot_state_clear(struct slot_state *state);

/*
 * An event to be written; members that the type does not have are ignored.
 * Strings are borrowed.
 */
struct slot_event {
	enum slot_event_type type;
	int64_t generation;
	int64_t id, pid, code, retry_ms, waited_us;
	const char *world;
	const char *reason;
	const char *isolation;
	char *const *notes;
	const struct slot_job *job;
	const struct slot_state *state; /* EV_SNAPSHOT */
};

/* Adds one line with its line end. */
int slot_event_write(const struct slot_event *event, uint64_t epoch,
	uint64_t seq, uint64_t wall_ms, struct dr_buf *out);

/*
 * Folds one line into state. Returns 1 when it was an event, and *type says
 * which; 0 when it was something else (not JSON, unknown, out of order): such
 * lines are skipped, as a reader of a lossy channel must. Never fails.
 */
int slot_state_fold(struct slot_state *state, const char *line, size_t len,
	enum slot_event_type *type);

/* A receipt: the record of one wipe. */
struct slot_receipt {
	const char *runner;
	const char *world;
	const struct slot_job *job;
	const char *result; /* succeeded, failed, cancelled, … */
	const char *isolation;
	const char *mode;
	uint64_t started_ms, ended_ms; /* wall clock */
	int64_t waited_us;	       /* the job's waiting for the wipe */
	uint64_t files, bytes;	       /* discarded */
	int64_t processes;	       /* killed */
	int64_t mounts;		       /* dropped that the job had made */
	bool recovered;		       /* found after a crash */
	char *const *residue;	       /* kernel-wide residue found, or NULL */
	const char *verdict;	       /* clean, tainted */
};
int slot_receipt_write(const struct slot_receipt *receipt, struct dr_buf *out);

#endif
