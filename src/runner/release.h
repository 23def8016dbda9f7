/* The official runner, brought into the data directory: once a version. */
#ifndef DESKRUN_RUNNER_RELEASE_H
#define DESKRUN_RUNNER_RELEASE_H

#include <signal.h>

#include "config/config.h"
#include "runner/home.h"
#include "runner/hub.h"

struct release {
	char *version; /* "2.336.0" */
	char *tree;    /* absolute: <data>/runner/<version> */
};
void release_clear(struct release *release);
#define auto_release __attribute__((cleanup(release_clear)))

struct release_request {
	const struct config *config;
	const struct home *home;
	struct hub *hub;
	const char *target;  /* whose "downloads" say what is the latest */
	const char *tarball; /* a file to be used instead of a download */
	const volatile sig_atomic_t *interrupted;
};

/*
 * Downloads (with progress on stderr), verifies and unpacks what is not there
 * already. Which version: the tarball's, else the pinned one, else what GitHub
 * offers the target. Blocks for as long as 200 MB take.
 */
int release_install(const struct release_request *request,
	struct release *release, struct dr_err *err);

/* "2.336.0" of "…/actions-runner-linux-x64-2.336.0.tar.gz", to be freed;
 * NULL when the name does not say. Pure. */
char *release_version_of(const char *file);

#endif
