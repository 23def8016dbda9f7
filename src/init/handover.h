/*
 * What shim and supervisor say to each other: one request, one answer.
 *
 * The request is a head with the five descriptors (0, 1, 2 and the two pipes)
 * as SCM_RIGHTS on its first byte, then its strings. The answer has a fixed
 * size. Both ends are the same program, so there is no version to agree on.
 */
#ifndef DESKRUN_INIT_HANDOVER_H
#define DESKRUN_INIT_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

/* Where the shim finds its supervisor: <slot>/shim.sock. */
#define HANDOVER_SOCKET "shim.sock"
/* Names the slot's directory in the Listener's environment. */
#define HANDOVER_ENV "DESKRUN_SLOT"

#define HANDOVER_FDS 5
#define HANDOVER_MAX (1024 * 1024) /* bytes of strings */
#define HANDOVER_ARGS_MAX 16
#define HANDOVER_ENV_MAX 8192

struct handover {
	char **argv;
	char **envp;
	char *cwd;
	int fds[HANDOVER_FDS];	   /* -1 when absent */
	int numbers[HANDOVER_FDS]; /* what they are called in the shim */
};
#define HANDOVER_INIT ((struct handover){.fds = {-1, -1, -1, -1, -1}})

/* Frees what is owned, and closes the descriptors. */
void handover_clear(struct handover *h);

/*
 * The pipes' numbers out of "Runner.Worker spawnclient IN OUT". DR_USAGE when
 * the arguments are not these: another version of the runner, perhaps.
 */
int handover_pipes(char *const *argv, int numbers[2], struct dr_err *err);

/* The bytes of a request; pure. */
int handover_encode(const struct handover *h, struct dr_buf *out,
	struct dr_err *err);
/*
 * How many bytes the request that begins so has in all: 0 while too few are
 * there to tell, -1 when it is none.
 */
ssize_t handover_length(const void *data, size_t len, struct dr_err *err);
/* A whole request; pure. Leaves fds alone: says which ones are to come. */
int handover_decode(const void *data, size_t len, struct handover *h,
	unsigned *present, struct dr_err *err);

/* The client's side: sends all, blocking. */
int handover_send(int socket, const struct handover *h, struct dr_err *err);

enum handover_verdict {
	HANDOVER_ENDED = 1, /* the world is dead: exit with code */
	HANDOVER_REFUSED,   /* no world: reason */
};
struct handover_answer {
	uint32_t magic;
	uint32_t verdict;
	int32_t code;
	char reason[500];
};
void handover_answer_init(struct handover_answer *answer,
	enum handover_verdict verdict, int code, const char *reason);
/* Whether these bytes are an answer; terminates its reason. */
bool handover_answer_check(struct handover_answer *answer, size_t len);

#endif
