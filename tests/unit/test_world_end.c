/* How worlds end, whoever ends them, and what their janitor does. */
#include "machine.h"
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"
#include "util/strv.h"

static void mounts_of_a_job_are_counted_and_dropped(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct job job;

	(void)state;
	machine_spec(&spec);
	spec.mode = SLOT_MODE_PRIVILEGED;
	g = machine_ground(&spec);
	job = job_run(g, "for i in 1 2 3 4 5; do mount -t tmpfs x /mnt; done");
	assert_int_equal(job.end.code, 0);
	assert_int_equal(job.wiped.mounts, 5);
	job_clear(&job);
	ground_free(g);
}

static void everybody_ends_with_the_worker(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct job job;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	/* job_run() would hang on the pipe that these hold */
	job = job_run(g,
		"sleep 1000 & setsid sleep 1000 & (setsid sleep 1000 &); "
		"kill -STOP $!; exit 42");
	assert_int_equal(job.end.code, 42);
	assert_int_equal(job.end.processes, 3);
	job_clear(&job);
	job = job_run(g, "kill -TERM $$");
	assert_int_equal(job.end.code, 128 + SIGTERM);
	job_clear(&job);
	/* orphans are reaped, and do not count as what lives */
	job = job_run(g,
		"for i in 1 2 3; do (true &); done; sleep 0.1; "
		"ls -d /proc/[0-9]* | wc -l");
	assert_int_equal(job.end.processes, 0);
	job_clear(&job);
	ground_free(g);
}

static void process_one_does_not_heed_the_job(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_spec(&spec);
	spec.mode = SLOT_MODE_PRIVILEGED;
	g = machine_ground(&spec);
	job_expect(g,
		"for s in TERM INT KILL HUP STOP SEGV; do kill -$s 1; done; "
		"sleep 0.05; cat /proc/1/comm; grep CapEff /proc/1/status",
		"deskrun-world\nCapEff:\t0000000000000000\n");
	ground_free(g);
}

static void a_killed_world_is_dead(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct dr_err err = DR_ERR_INIT;
	struct job job;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	assert_int_equal(job_start(g, "sleep 1000", &job, &err), 0);
	world_kill(&job.world);
	job_wait(&job);
	assert_int_equal(job.end.code, 128 + SIGKILL);
	job_wipe(g, &job);
	job_clear(&job);
	ground_free(g);
}

/* A supervisor that starts a world and says when it runs. */
static void supervise(int tell)
{
	struct slot_spec spec;
	struct dr_err err = DR_ERR_INIT;
	struct ground *g;
	struct job job;

	machine_spec(&spec);
	g = ground_open(&spec, machine_slot(), &err);
	if (!g ||
		job_start(g, "touch /tmp/dirt; echo on; sleep 1000", &job,
			&err) < 0)
		_exit(1);
	/* the world holds the pipe's other end: its end shows */
	dup2(job.out_fd, tell);
	pause();
	_exit(0);
}

static void a_world_ends_with_its_supervisor_and_is_found(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	auto_strv char **names = NULL;
	struct dr_err err = DR_ERR_INIT;
	struct janitor j;
	struct janitor_report report;
	struct pollfd p = {.events = POLLIN};
	pid_t pid;
	int i;

	(void)state;
	pid = fork();
	if (pid == 0)
		supervise(100);
	/* its world exists once there is a dirty file in the upper layer */
	for (i = 0; i < 1000; i++) {
		if (system("test -e /data/scratch/w-*/0/u/tmp/dirt") == 0)
			break;
		poll(NULL, 0, 10);
	}
	assert_true(i < 1000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (i = 0; i < 1000; i++) {
		if (system("pgrep -f '^sleep 1000' >/dev/null") != 0)
			break;
		poll(NULL, 0, 10);
	}
	assert_true(i < 1000);
	machine_spec(&spec);
	g = machine_ground(&spec);
	names = ground_leftovers(g);
	assert_int_equal(strv_len(names), 1);
	assert_int_equal(janitor_start_leftover(g, names[0], &j, &err), 0);
	p.fd = j.report_fd;
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(janitor_collect(&j, &report), 0);
	assert_int_equal(report.failed, 0);
	assert_int_equal(report.files, 1);
	ground_free(g);
	machine_sh("test -z \"$(ls -A /data/scratch)\"");
}

static void the_janitor_counts_what_the_job_wrote(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct job job;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	job = job_run(g, "true");
	assert_int_equal(job.wiped.files, 0);
	assert_int_equal(job.wiped.bytes, 0);
	assert_int_equal(job.wiped.mounts, 0);
	job_clear(&job);
	job = job_run(g,
		"for i in $(seq 100); do echo >/tmp/$i; done; "
		"head -c 1048576 /dev/zero >/root/big; echo >/var/lib/docker/x;"
		" echo >" WORLD_RUNNER_ROOT "/x");
	assert_int_equal(job.wiped.files, 103);
	assert_true(job.wiped.bytes >= 1048576 && job.wiped.bytes < 2000000);
	job_clear(&job);
	ground_free(g);
	machine_sh("test -z \"$(ls -A /data/scratch)\"");
}

static void nothing_resists_the_janitor(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct job job;

	(void)state;
	machine_write("/data/precious", "kept");
	machine_spec(&spec);
	spec.mode = SLOT_MODE_PRIVILEGED;
	g = machine_ground(&spec);
	job = job_run(g,
		"cd /root; mkdir a b; touch a/f; chattr +i a/f a 2>/dev/null; "
		"ln -s /data/precious l; ln -s / b/root; mkfifo p; "
		"chmod 0 b; mount -t tmpfs x /mnt; touch /mnt/x; "
		"python3 -c '\n"
		"import os\n"
		"for i in range(3000):\n"
		"  os.mkdir(\"deep\"); os.chdir(\"deep\")\n"
		"open(\"bottom\", \"w\")'");
	assert_int_equal(job.end.code, 0);
	assert_true(job.wiped.files >= 5);
	job_clear(&job);
	ground_free(g);
	machine_sh("test -z \"$(ls -A /data/scratch)\" && "
		   "grep -q kept /data/precious");
}

static void the_log_of_the_worker_is_kept_and_nothing_else(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct job job;
	char command[256];

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	job = job_run(g,
		"cd ../_diag; echo told >Worker_20260101.log; "
		"ln -s /data/slot/state/upper/.credentials "
		"Worker_20260102.log; mkfifo Worker_20260103.log; "
		"echo other >Runner_1.log");
	assert_int_equal(job.end.code, 0);
	snprintf(command, sizeof(command),
		"test \"$(cat /data/slot/logs/jobs/%s.log)\" = told",
		job.world.name);
	machine_sh(command);
	job_clear(&job);
	/* the newest fifty */
	machine_sh("cd /data/slot/logs/jobs; for i in $(seq 60); do "
		   "touch -d @$i old-$i; done");
	job = job_run(g, "echo again >../_diag/Worker_1.log");
	job_clear(&job);
	machine_sh("test $(ls /data/slot/logs/jobs | wc -l) = 50");
	ground_free(g);
}

static void usage_is_measured_while_the_job_lives(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct dr_err err = DR_ERR_INIT;
	struct world_usage usage;
	struct job job;
	char c;

	(void)state;
	machine_spec(&spec);
	spec.mode = SLOT_MODE_PRIVILEGED;
	g = machine_ground(&spec);
	assert_int_equal(job_start(g,
				 "for i in $(seq 200); do echo >/tmp/$i; done; "
				 "mount -t tmpfs x /mnt; sleep 1000 & "
				 "echo on; sleep 1000",
				 &job, &err),
		0);
	assert_int_equal(read(job.out_fd, &c, 1), 1);
	poll(NULL, 0, 100);
	world_measure(g, &job.world, 1000000, &usage);
	assert_int_equal(usage.files, 200);
	assert_true(usage.bytes >= 200 * 4096 && !usage.more);
	assert_int_equal(usage.mounts, 1);
	/* the shell and two that sleep */
	assert_int_equal(usage.processes, 3);
	world_measure(g, &job.world, 0, &usage);
	assert_true(usage.more && usage.files < 200);
	world_kill(&job.world);
	job_wait(&job);
	job_wipe(g, &job);
	job_clear(&job);
	ground_free(g);
}

static void the_hook_socket_leads_to_the_supervisor(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct dr_err err = DR_ERR_INIT;
	struct job job;
	struct pollfd p = {.events = POLLIN};
	char got[16] = "";
	int fd;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	assert_int_equal(
		job_start(g,
			"python3 -c 'import socket\n"
			"s = socket.socket(socket.AF_UNIX)\n"
			"s.connect(\"" WORLD_SOCKET "\")\n"
			"s.send(b\"hello\")'; stat -c %a " WORLD_SOCKET,
			&job, &err),
		0);
	p.fd = job.world.hook_fd;
	assert_int_equal(poll(&p, 1, 10000), 1);
	fd = accept(job.world.hook_fd, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), 5);
	assert_string_equal(got, "hello");
	close(fd);
	job_wait(&job);
	assert_string_equal(job.out.data, "600\n");
	job_wipe(g, &job);
	job_clear(&job);
	ground_free(g);
	machine_sh("test ! -e " WORLD_SOCKET);
}

static void a_step_that_fails_is_named(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct dr_err err = DR_ERR_INIT;
	struct janitor_report report;
	struct janitor j;
	struct job job;

	(void)state;
	machine_sh("mkdir -p /data/empty");
	machine_spec(&spec);
	spec.tree = (char *)"/data/empty";
	g = machine_ground(&spec);
	assert_int_equal(job_start(g, "true", &job, &err), -1);
	assert_int_equal(err.code, DR_ENGINE);
	assert_string_equal(err.msg,
		"enter " WORLD_RUNNER_ROOT "/bin: No such file or directory");
	assert_int_equal(janitor_start_leftover(g, job.world.name, &j, &err),
		0);
	fcntl(j.report_fd, F_SETFL, 0);
	assert_int_equal(janitor_collect(&j, &report), 0);
	job_clear(&job);
	ground_free(g);
	machine_sh("test -z \"$(ls -A /data/scratch)\"");
}

static void scratch_on_an_overlay_is_refused_with_the_reason(void **state)
{
	struct slot_spec spec;
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	machine_spec(&spec);
	spec.scratch = (char *)"/opt/scratch";
	assert_null(ground_open(&spec, machine_slot(), &err));
	assert_int_equal(err.code, DR_ENGINE);
	assert_non_null(strstr(err.msg, "/opt/scratch"));
	assert_non_null(strstr(err.msg, "overlay"));
}

static void a_name_that_is_taken_is_refused(void **state)
{
	struct slot_spec spec;
	struct dr_err err = DR_ERR_INIT;
	struct ground *g;
	struct world w;
	char *none[] = {(char *)"x", NULL};
	struct world_request r = {
		.argv = none, .envp = none + 1, .fds = {-1, -1, -1, -1, -1}};

	(void)state;
	machine_sh("mkdir /data/scratch/w-7-7");
	machine_spec(&spec);
	g = machine_ground(&spec);
	assert_int_equal(world_start(g, "w-7-7", &r, &w, &err), -1);
	assert_non_null(strstr(err.msg, "w-7-7"));
	assert_int_equal(world_start(g, "../w", &r, &w, &err), -1);
	machine_sh("rmdir /data/scratch/w-7-7");
	job_expect(g, "echo still", "still\n");
	ground_free(g);
}

static void a_limit_on_processes_holds(void **state)
{
	struct slot_spec spec;
	struct dr_err err = DR_ERR_INIT;
	struct ground *g;
	struct job job;
	char command[128];

	(void)state;
	machine_spec(&spec);
	spec.limits.pids = 20;
	g = ground_open(&spec, machine_slot(), &err);
	if (!g)
		SKIP_BECAUSE(err.msg);
	job = job_run(g, "for i in $(seq 50); do sleep 100 & done 2>&1");
	assert_true(job.end.processes > 10 && job.end.processes < 20);
	job_clear(&job);
	ground_free(g);
	snprintf(command, sizeof(command),
		"! find /sys/fs/cgroup -maxdepth 3 -name '%s-*' | grep .",
		spec.runner);
	machine_sh(command);
}

static void a_crowd_and_a_heap_of_files_go_as_well(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct job job;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	job = job_run(g,
		"mkdir /tmp/heap; python3 -c '\n"
		"import os, signal\n"
		"for i in range(20000):\n"
		"  open(\"/tmp/heap/%d\" % i, \"w\").close()\n"
		"for i in range(500):\n"
		"  if os.fork() == 0: signal.pause()\n'");
	assert_int_equal(job.end.processes, 500);
	assert_int_equal(job.wiped.files, 20000);
	job_clear(&job);
	ground_free(g);
}

static void cgroups_that_a_job_makes_go_with_its_world(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct job job;
	char command[160];
	bool planted;

	(void)state;
	machine_spec(&spec);
	spec.mode = SLOT_MODE_PRIVILEGED;
	g = machine_ground(&spec);
	job = job_run(g,
		"for d in /sys/fs/cgroup /sys/fs/cgroup/*; do "
		"test -e $d/cgroup.procs || continue; "
		"mkdir -p $d/planted/deep/er $d/planted/wide && echo planted; "
		"sleep 1000 >/dev/null 2>&1 & "
		"echo $! >$d/planted/wide/cgroup.procs; done 2>/dev/null");
	planted = strstr(job.out.data, "planted") != NULL;
	job_clear(&job);
	ground_free(g);
	if (!planted)
		SKIP_BECAUSE("a world has no cgroups here");
	snprintf(command, sizeof(command),
		"! find /sys/fs/cgroup -name %s -o -name planted | grep .",
		spec.runner);
	machine_sh(command);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(mounts_of_a_job_are_counted_and_dropped),
		cmocka_unit_test(everybody_ends_with_the_worker),
		cmocka_unit_test(process_one_does_not_heed_the_job),
		cmocka_unit_test(a_killed_world_is_dead),
		cmocka_unit_test(a_world_ends_with_its_supervisor_and_is_found),
		cmocka_unit_test(the_janitor_counts_what_the_job_wrote),
		cmocka_unit_test(nothing_resists_the_janitor),
		cmocka_unit_test(
			the_log_of_the_worker_is_kept_and_nothing_else),
		cmocka_unit_test(usage_is_measured_while_the_job_lives),
		cmocka_unit_test(the_hook_socket_leads_to_the_supervisor),
		cmocka_unit_test(a_step_that_fails_is_named),
		cmocka_unit_test(
			scratch_on_an_overlay_is_refused_with_the_reason),
		cmocka_unit_test(a_name_that_is_taken_is_refused),
		cmocka_unit_test(a_limit_on_processes_holds),
		cmocka_unit_test(a_crowd_and_a_heap_of_files_go_as_well),
		cmocka_unit_test(cgroups_that_a_job_makes_go_with_its_world),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}

int main(void)
{
	return machine_run(tests);
}
