#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "util/cleanup.h"
#include "util/fs.h"

#define OUT_MAX (1024 * 1024)
/* A world that says nothing for so long hangs */
#define PATIENCE_MS 60000

/* The real machine's mounts that a root needs, seen from below the new one */
static const char *const borrowed[] = {"proc", "sys", "dev", NULL};

static int mount_root(const char *base)
{
	char options[512], root[128], path[256];

	snprintf(root, sizeof(root), "%s/root", base);
	snprintf(options, sizeof(options),
		"lowerdir=/,upperdir=%s/upper,workdir=%s/work", base, base);
	if (mkdir(root, 0755) < 0 ||
		mount("overlay", root, "overlay", 0, options) < 0)
		return -1;
	for (const char *const *b = borrowed; *b; b++) {
		char from[64];

		snprintf(from, sizeof(from), "/%s", *b);
		snprintf(path, sizeof(path), "%s/%s", root, *b);
		if (mount(from, path, NULL, MS_BIND | MS_REC, NULL) < 0)
			return -1;
	}
	snprintf(path, sizeof(path), "%s/run", root);
	if (mount("run", path, "tmpfs", 0, "mode=755") < 0)
		return -1;
	snprintf(path, sizeof(path), "%s" MACHINE_DATA, root);
	if ((mkdir(path, 0755) < 0 && errno != EEXIST) ||
		mount("data", path, "tmpfs", 0, "mode=755") < 0)
		return -1;
	return chdir(root);
}

static int enter_machine(const char *base)
{
	char path[128];

	if (unshare(CLONE_NEWNS) < 0 ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("base", base, "tmpfs", 0, "mode=755") < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/upper", base);
	if (mkdir(path, 0755) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/work", base);
	if (mkdir(path, 0755) < 0 || mount_root(base) < 0 ||
		syscall(SYS_pivot_root, ".", ".") < 0 ||
		umount2(".", MNT_DETACH) < 0)
		return -1;
	return chdir("/");
}

/* What deskrun-init install would have written, and a runner's tree */
static void furnish(void)
{
	machine_write(MACHINE_DATA "/tree/bin/Runner.Worker",
		"#!/bin/sh\neval \"$SCRIPT\"\n");
	machine_write(MACHINE_DATA "/tree/run.sh", "tree");
	machine_write(MACHINE_DATA "/layers/listener/bin/Runner.Worker", "x");
	machine_write(MACHINE_DATA "/layers/world/.deskrun/deskrun-init", "x");
	machine_write(MACHINE_DATA "/slot/state/upper/.runner", "{\"id\":1}");
	machine_write(MACHINE_DATA "/slot/state/upper/.credentials", "secret");
	if (mkdir(MACHINE_DATA "/scratch", 0700) < 0 ||
		chmod(MACHINE_DATA "/tree/bin/Runner.Worker", 0755) < 0)
		abort();
}

int machine_run(int (*body)(void))
{
	char base[] = "/tmp/deskrun-machine-XXXXXX";
	int status = 1 << 8;
	pid_t pid;

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 77;
	}
	if (!mkdtemp(base))
		return 1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (enter_machine(base) < 0) {
			printf("1..0 # SKIP no machine: %s\n", strerror(errno));
			exit(77);
		}
		furnish();
		exit(body());
	}
	waitpid(pid, &status, 0);
	rmdir(base);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void machine_spec(struct slot_spec *spec)
{
	static char runner[32];

	/* its cgroups are the real machine's: another run has others */
	snprintf(runner, sizeof(runner), "unit-%d", (int)getpid());
	*spec = (struct slot_spec){
		.runner = runner,
		.tree = (char *)MACHINE_DATA "/tree",
		.layers = (char *)MACHINE_DATA "/layers",
		.scratch = (char *)MACHINE_DATA "/scratch",
		.mode = SLOT_MODE_STANDARD,
		.host = true,
	};
}

int machine_slot(void)
{
	static int fd = -1;

	/* each ground leaves the namespace that the last one belongs to */
	cleanup_close(&fd);
	fd = open(MACHINE_DATA "/slot", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

struct ground *machine_ground(const struct slot_spec *spec)
{
	struct dr_err err = DR_ERR_INIT;
	struct ground *g = ground_open(spec, machine_slot(), &err);

	if (!g)
		fail_msg("ground: %s", err.msg);
	return g;
}

void machine_write(const char *path, const char *text)
{
	struct dr_err err = DR_ERR_INIT;
	auto_free char *dir = strdup(path);
	auto_close int fd = -1;

	*strrchr(dir, '/') = '\0';
	if (*dir && fs_mkdir_p(dir, 0755, &err) < 0)
		fail_msg("%s", err.msg);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || fs_write_full(fd, text, strlen(text)) < 0)
		fail_msg("write %s: %s", path, strerror(errno));
}

void machine_sh(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

int job_start(struct ground *g, const char *script, struct job *job,
	struct dr_err *err)
{
	static unsigned count;
	auto_free char *variable = NULL;
	char *argv[] = {(char *)"Runner.Worker", (char *)"spawnclient", NULL};
	char *envp[] = {NULL, (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		(char *)"HOME=/root", NULL};
	char name[40];
	int out[2], rc;

	*job = (struct job){.out_fd = -1};
	dr_buf_init(&job->out, OUT_MAX);
	assert_true(asprintf(&variable, "SCRIPT=%s", script) > 0);
	envp[0] = variable;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	snprintf(name, sizeof(name), "w-%d-%u", (int)getpid(), ++count);
	rc = world_start(g, name,
		&(struct world_request){.argv = argv,
			.envp = envp,
			.fds = {-1, out[1], out[1], -1, -1},
			.numbers = {0, 1, 2, -1, -1}},
		&job->world, err);
	close(out[1]);
	job->out_fd = out[0];
	if (rc < 0)
		print_message("# world: %s\n", err->msg);
	return rc;
}

void job_wait(struct job *job)
{
	struct pollfd p[2] = {{.fd = job->world.pidfd, .events = POLLIN},
		{.fd = job->out_fd, .events = POLLIN}};
	char chunk[4096];
	ssize_t n;

	for (;;) {
		if (poll(p, 2, PATIENCE_MS) <= 0) {
			world_kill(&job->world);
			fail_msg("the world hangs; so far: %s", job->out.data);
		}
		if (p[1].revents) {
			n = read(job->out_fd, chunk, sizeof(chunk));
			if (n > 0)
				dr_buf_add(&job->out, chunk, (size_t)n);
			else
				p[1].fd = -1;
		} else if (p[0].revents) {
			break;
		}
	}
	world_reap(&job->world, &job->end);
}

void job_wipe(struct ground *g, struct job *job)
{
	struct dr_err err = DR_ERR_INIT;
	struct janitor j;
	struct pollfd p = {.events = POLLIN};

	if (janitor_start(g, &job->world, &j, &err) < 0)
		fail_msg("%s", err.msg);
	p.fd = j.report_fd;
	assert_int_equal(poll(&p, 1, 2 * PATIENCE_MS), 1);
	assert_int_equal(janitor_collect(&j, &job->wiped), 0);
	if (job->wiped.failed)
		fail_msg("the janitor: %s", job->wiped.reason);
}

void job_clear(struct job *job)
{
	dr_buf_clear(&job->out);
	cleanup_close(&job->out_fd);
}

struct job job_run(struct ground *g, const char *script)
{
	struct dr_err err = DR_ERR_INIT;
	struct job job;

	if (job_start(g, script, &job, &err) < 0)
		fail_msg("world: %s", err.msg);
	job_wait(&job);
	job_wipe(g, &job);
	return job;
}

void job_expect(struct ground *g, const char *script, const char *out)
{
	struct job job = job_run(g, script);

	assert_string_equal(job.out.data, out);
	assert_int_equal(job.end.code, 0);
	job_clear(&job);
}
