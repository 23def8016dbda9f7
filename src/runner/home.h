/*
 * The data directory: whose it is, and who works in it just now.
 *
 *   runner/<version>/   extracted, read-only, shared by all runners
 *   init/<digest>/      deskrun-init and its layers
 *   slots/<runner>/     see util/slot.h
 *   scratch/<runner>/   upper layers of worlds
 *   downloads/          tarballs while they are fetched
 *   lock                held by the command that changes something
 */
#ifndef DESKRUN_RUNNER_HOME_H
#define DESKRUN_RUNNER_HOME_H

#include "util/err.h"

struct home {
	int fd;	  /* the directory */
	int lock; /* -1: only looked at */
};
#define HOME_INIT                    \
	{                            \
		.fd = -1, .lock = -1 \
	}

/*
 * Opens it, and makes it when absent. It must be ours and writable by nobody
 * else (DR_CONFIG): what lies there is executed as root. With a command's
 * name ("start") it is locked until home_close(); DR_BUSY names the process
 * that holds the lock.
 */
int home_open(const char *data, const char *command, struct home *home,
	struct dr_err *err);
/* The same to look only: DR_NOT_FOUND when there is none. */
int home_look(const char *data, struct home *home, struct dr_err *err);
void home_close(struct home *home);
#define auto_home __attribute__((cleanup(home_close)))

#endif
