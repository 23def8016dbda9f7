/* "deskrun-init install DIR": the layers that ground.h tells of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/ground.h"
#include "init/init.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/fs.h"

#define OWN "world/.deskrun/"

static const char *const dirs[] = {
	"listener",
	"listener/bin",
	"world",
	"world/.deskrun",
};

static int copy_self(int dir, struct dr_err *err)
{
	auto_close int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_close int to = openat(dir, "deskrun-init",
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
	char chunk[65536];
	ssize_t n = -1;

	if (from < 0 || to < 0)
		return dr_err_errno(err, DR_FAILED, "copy deskrun-init");
	while ((n = fs_read_full(from, chunk, sizeof(chunk))) > 0)
		if (fs_write_full(to, chunk, (size_t)n) < 0)
			return dr_err_errno(err, DR_FAILED,
				"write deskrun-init");
	/* a job may run as any user: all of them execute the hook */
	if (n < 0 || fchmod(to, 0555) < 0)
		return dr_err_errno(err, DR_FAILED, "copy deskrun-init");
	return 0;
}

static int write_script(int dir, const char *name, const char *verb,
	struct dr_err *err)
{
	auto_close int fd = openat(dir, name,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
	char text[256];

	snprintf(text, sizeof(text),
		"#!/bin/bash\nexec " WORLD_OWN_DIR "/deskrun-init hook %s\n",
		verb);
	if (fd < 0 || fs_write_full(fd, text, strlen(text)) < 0 ||
		fchmod(fd, 0555) < 0)
		return dr_err_errno(err, DR_FAILED, "write %s", name);
	return 0;
}

static int link_self(int dir, const char *name, struct dr_err *err)
{
	if (linkat(dir, "deskrun-init", dir, name, 0) < 0)
		return dr_err_errno(err, DR_FAILED, "link %s", name);
	return 0;
}

static int fill(int dir, struct dr_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(dir, dirs[i], 0755) < 0)
			return dr_err_errno(err, DR_FAILED, "create %s",
				dirs[i]);
	if (copy_self(dir, err) < 0 ||
		link_self(dir, "listener/bin/Runner.Worker", err) < 0 ||
		link_self(dir, OWN "deskrun-init", err) < 0 ||
		write_script(dir, OWN "job-started.sh", "started", err) < 0 ||
		write_script(dir, OWN "job-completed.sh", "completed", err) < 0)
		return -1;
	for (size_t i = ARRAY_SIZE(dirs); i-- > 0;)
		if (fchmodat(dir, dirs[i], 0555, 0) < 0)
			return dr_err_errno(err, DR_FAILED, "chmod %s",
				dirs[i]);
	return fchmod(dir, 0555) < 0 ? dr_err_errno(err, DR_FAILED, "chmod")
				     : 0;
}

int install_main(int argc, char **argv)
{
	struct dr_err err = DR_ERR_INIT;
	auto_close int dir = -1;

	if (argc != 2) {
		fprintf(stderr, "usage: deskrun-init install DIR\n");
		return 2;
	}
	umask(022);
	if (mkdir(argv[1], 0755) < 0) {
		dr_err_errno(&err, DR_FAILED, "create %s", argv[1]);
	} else {
		dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			dr_err_errno(&err, DR_FAILED, "open %s", argv[1]);
		else if (fill(dir, &err) == 0)
			return 0;
	}
	fprintf(stderr, "deskrun-init: error: %s\n", err.msg);
	return 1;
}
