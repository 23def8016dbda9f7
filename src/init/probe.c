/*
 * Whether worlds can be had here: what the kernel must have is asked for by
 * name, so that what is missing can be named, and then a world is built.
 */
#include "init/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "init/ground.h"
#include "init/world_try.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/strv.h"

static const struct {
	const char *path, *missing;
} files[] = {
	{"/proc/self/ns/mnt", "/proc and mount namespaces (CONFIG_NAMESPACES)"},
	{"/proc/self/ns/pid", "pid namespaces (CONFIG_PID_NS)"},
	{"/proc/self/ns/ipc", "ipc namespaces (CONFIG_IPC_NS)"},
	{"/proc/self/ns/uts", "uts namespaces (CONFIG_UTS_NS)"},
	{"/proc/self/ns/cgroup",
		"cgroup namespaces (Linux 4.6, CONFIG_CGROUPS)"},
};

static const struct {
	long number;
	const char *missing;
} calls[] = {
	{SYS_fsopen, "fsopen(2) (Linux 5.2)"},
	{SYS_clone3, "clone3(2) (Linux 5.3)"},
	{SYS_pidfd_open, "pidfd_open(2) (Linux 5.3)"},
	{SYS_openat2, "openat2(2) (Linux 5.6)"},
	{SYS_close_range, "close_range(2) (Linux 5.9)"},
};

static void check_version(struct probe_result *r)
{
	unsigned long major, minor;
	struct utsname u;
	char *rest;

	if (uname(&u) < 0)
		return;
	major = strtoul(u.release, &rest, 10);
	minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	if (major < 5 || (major == 5 && minor < 10))
		strv_addf(&r->missing,
			"Linux 5.10 or later, for volatile overlays (this is "
			"%s)",
			u.release);
}

static void check_kernel(struct probe_result *r)
{
	int fs;

	if (geteuid() != 0)
		strv_add(&r->missing, "root");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (access(files[i].path, F_OK) < 0)
			strv_add(&r->missing, files[i].missing);
	/* arguments that no kernel accepts: only the reason of failing counts */
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (syscall(calls[i].number, -1L, -1L, 0L, 0L) < 0 &&
			errno == ENOSYS)
			strv_add(&r->missing, calls[i].missing);
	fs = (int)syscall(SYS_fsopen, "overlay", 0);
	if (fs < 0 && errno == ENODEV)
		strv_add(&r->missing,
			"the overlay file system (CONFIG_OVERLAY_FS)");
	else if (fs < 0 && errno == EPERM)
		strv_add(&r->missing, "CAP_SYS_ADMIN");
	cleanup_close(&fs);
}

/* A slot that is only a slot for a moment */
struct stage {
	char *slot, *scratch;
	int slot_fd;
	struct slot_spec spec;
};

static void remove_dir(const char *path)
{
	struct dr_err ignored = DR_ERR_INIT;
	const char *name = path ? strrchr(path, '/') : NULL;
	auto_free char *above = name ? strndup(path, (size_t)(name - path))
				     : NULL;
	auto_close int dir = -1;

	if (!above)
		return;
	dir = open(*above ? above : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		fs_remove_tree(dir, name + 1, NULL, &ignored);
}

static void stage_clear(struct stage *s)
{
	remove_dir(s->slot);
	remove_dir(s->scratch);
	slot_spec_clear(&s->spec);
	cleanup_close(&s->slot_fd);
	free(s->slot);
	free(s->scratch);
}

static int make_dir(char **path, const char *above, struct dr_err *err)
{
	if (asprintf(path, "%s/.probe-XXXXXX", above) < 0) {
		*path = NULL;
		return dr_err_oom(err);
	}
	if (!mkdtemp(*path)) {
		free(*path);
		*path = NULL;
		return dr_err_errno(err, DR_ENGINE, "create a directory in %s",
			above);
	}
	return 0;
}

static int make_layers(struct stage *s, struct dr_err *err)
{
	static const char *const dirs[] = {"tree", "tree/bin", "layers",
		"layers/listener", "layers/world", NULL};

	for (const char *const *d = dirs; *d; d++)
		if (mkdirat(s->slot_fd, *d, 0755) < 0)
			return dr_err_errno(err, DR_ENGINE, "create %s", *d);
	s->spec = (struct slot_spec){
		.mode = SLOT_MODE_STANDARD,
		.host = true,
		.scratch = strdup(s->scratch),
	};
	if (asprintf(&s->spec.tree, "%s/tree", s->slot) < 0 ||
		asprintf(&s->spec.layers, "%s/layers", s->slot) < 0 ||
		asprintf(&s->spec.runner, "probe-%d", (int)getpid()) < 0 ||
		!s->spec.scratch)
		return dr_err_oom(err);
	return 0;
}

static int make_stage(struct stage *s, const char *slots, const char *scratch,
	struct dr_err *err)
{
	if (make_dir(&s->slot, slots, err) < 0 ||
		make_dir(&s->scratch, scratch, err) < 0)
		return -1;
	s->slot_fd = open(s->slot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->slot_fd < 0)
		return dr_err_errno(err, DR_ENGINE, "open %s", s->slot);
	return make_layers(s, err);
}

static int try_world(const char *slots, const char *scratch,
	struct probe_result *r, struct dr_err *err)
{
	struct stage s = {.slot_fd = -1};
	struct ground *g = NULL;
	int rc = make_stage(&s, slots, scratch, err);

	if (rc == 0 && !(g = ground_open(&s.spec, s.slot_fd, err)))
		rc = -1;
	if (rc == 0) {
		for (char *const *n = ground_notes(g); *n; n++)
			strv_add(&r->notes, *n);
		rc = world_try(g, err);
	}
	ground_free(g);
	stage_clear(&s);
	return rc;
}

int probe_run(const char *slots, const char *scratch)
{
	struct probe_result r = {0};
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf out;
	int status;

	dr_buf_init(&out, 64 * 1024);
	check_version(&r);
	check_kernel(&r);
	if (!r.missing && try_world(slots, scratch, &r, &err) < 0)
		strv_add(&r.missing, err.msg);
	status = r.missing ? DR_ENGINE : DR_OK;
	if (probe_write(&r, &out) < 0 || dr_buf_addstr(&out, "\n") < 0 ||
		fs_write_full(STDOUT_FILENO, out.data, out.len) < 0)
		status = DR_FAILED;
	strv_free(r.missing);
	strv_free(r.notes);
	return status;
}
