/* Worlds, built for real: what a job has in one, and what it has not. */
#include "machine.h"
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static void the_worker_is_started_as_the_listener_would(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	job_expect(g, "pwd; echo $0 $1; cat ../run.sh; echo; hostname", ({
		static char want[512];
		char name[128] = "";

		gethostname(name, sizeof(name) - 1);
		snprintf(want, sizeof(want),
			WORLD_RUNNER_ROOT
			"/bin\n" WORLD_RUNNER_ROOT
			"/bin/Runner.Worker spawnclient\ntree\n%s\n",
			name);
		want;
	}));
	job_expect(g, "test $(ps -o sid= -p $$) -eq $$ && umask", "0022\n");
	/* nothing open but what was handed over: 3 is the directory itself */
	job_expect(g, "echo $(ls /proc/self/fd)", "0 1 2 3\n");
	job_expect(g, "ls -d /proc/$$/fd/[3-9] 2>/dev/null; :", "");
	job_expect(g, "grep -h Sig[BI] /proc/self/status | cut -f2",
		"0000000000000000\n0000000000000000\n");
	ground_free(g);
}

static void a_descriptor_arrives_under_its_number(void **state)
{
	struct slot_spec spec;
	struct ground *g;
	struct dr_err err = DR_ERR_INIT;
	struct world w;
	struct world_end end;
	char *argv[] = {(char *)"x", NULL};
	char *envp[] = {NULL, (char *)"PATH=/usr/bin:/bin", NULL};
	struct pollfd p = {.events = POLLIN};
	char got[16] = "";
	char script[64];
	int in[2], out[2], first, second;
	struct job job = {0};

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "across", 6), 6);
	close(in[1]);
	/* each has the number that the other one wants */
	first = fcntl(in[0], F_DUPFD_CLOEXEC, 100);
	second = fcntl(out[1], F_DUPFD_CLOEXEC, 100);
	snprintf(script, sizeof(script), "SCRIPT=bash -c 'cat <&%d >&%d'",
		second, first);
	envp[0] = script;
	assert_int_equal(world_start(g, "w-0-1",
				 &(struct world_request){.argv = argv,
					 .envp = envp,
					 .fds = {-1, -1, 2, second, first},
					 .numbers = {0, 1, 2, first, second}},
				 &w, &err),
		0);
	close(first);
	close(second);
	p.fd = w.pidfd;
	assert_int_equal(poll(&p, 1, 10000), 1);
	world_reap(&w, &end);
	assert_int_equal(end.code, 0);
	assert_int_equal(read(out[0], got, sizeof(got)), 6);
	assert_string_equal(got, "across");
	job.world = w;
	job_wipe(g, &job);
	close(in[0]);
	close(out[0]);
	close(out[1]);
	ground_free(g);
}

static void nothing_of_a_job_is_left_for_the_next(void **state)
{
	static const char dirty[] =
		"set -e; echo x >/etc/planted; echo x >/root/planted; "
		"echo x >/tmp/planted; echo x >/var/tmp/planted; "
		"echo x >/dev/shm/planted; echo x >/run/planted; "
		"echo x >/opt/planted; echo x >/srv/planted; "
		"echo x >/var/lib/docker/planted; echo x >/dev/planted; "
		"echo x >" WORLD_RUNNER_ROOT "/planted; "
		"rm /etc/hostname; rm -r /usr/share/doc; mv /usr/lib /usr/lob; "
		"echo x >" WORLD_RUNNER_ROOT "/bin/planted";
	static const char look[] =
		"find / -xdev -name planted 2>/dev/null; find /run /dev /srv "
		"/var/lib/docker " WORLD_RUNNER_ROOT " -name planted; "
		"test -e /etc/hostname && test -d /usr/share/doc && "
		"test -d /usr/lib && echo clean";
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	job_expect(g, dirty, "");
	job_expect(g, look, "clean\n");
	ground_free(g);
	machine_sh("test -e /etc/hostname && ! find / -xdev -name planted "
		   "2>/dev/null | grep . && ! find /srv /data -name planted | "
		   "grep .");
}

static void system_v_names_and_keys_are_fresh(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_spec(&spec);
	spec.mode = SLOT_MODE_PRIVILEGED;
	g = machine_ground(&spec);
	job_expect(g,
		"ipcmk -Q >/dev/null && hostname planted && hostname && "
		"ipcs -q | grep -c 0x",
		"planted\n1\n");
	job_expect(g,
		"test $(hostname) != planted && ipcs -q | grep -c 0x; "
		"ls /dev/mqueue",
		"0\n");
	ground_free(g);
}

static void secrets_of_the_machine_are_masked(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_write("/etc/ssl/private/key.pem", "S3CRET");
	machine_write("/etc/ssh/ssh_host_test_key", "S3CRET");
	machine_write("/etc/ssh/ssh_host_test_key.pub", "public");
	machine_write("/root/.config/deskrun/token", "S3CRET");
	machine_write("/etc/shadow", "root:$6$S3CRET:1:0:99999:7:::\n");
	machine_write("/var/lib/docker/S3CRET", "S3CRET");
	machine_write("/run/S3CRET", "S3CRET");
	machine_write("/opt/conf/token", "S3CRET");
	machine_write("/data/other", "S3CRET");
	machine_sh("chown root:shadow /etc/shadow; chmod 0640 /etc/shadow");
	machine_spec(&spec);
	spec.masks = (char *[]){
		(char *)"/opt/conf", (char *)MACHINE_DATA, NULL};
	g = machine_ground(&spec);
	job_expect(g,
		"grep -rsl S3CRET /etc /root /home /var/lib/docker /run "
		"/opt/conf /data /tmp; ls /etc/ssl/private /opt/conf "
		"/etc/ssh/ssh_host_test_key.pub; cat /etc/shadow; "
		"stat -c '%A %U:%G' /etc/shadow; ls -A /data",
		"/etc/ssh/ssh_host_test_key.pub\n\n/etc/ssl/private:\n\n"
		"/opt/conf:\nroot:*:1:0:99999:7:::\n-rw-r----- root:shadow\n");
	/* and nothing of a mask can be taken away */
	job_expect(g,
		"umount /etc/ssl/private 2>/dev/null; "
		"rm -rf /etc/ssl/private; mkdir /etc/ssl/private; "
		"ls -A /etc/ssl/private",
		"");
	ground_free(g);
}

static void secrets_that_come_later_are_masked_too(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	machine_write("/etc/krb5.keytab", "SECRET");
	machine_write("/etc/wireguard/wg0.conf", "SECRET");
	job_expect(g,
		"ls -d /etc/krb5.keytab /etc/wireguard 2>/dev/null; :", "");
	ground_free(g);
	machine_sh("rm -r /etc/krb5.keytab /etc/wireguard");
}

static void what_is_exposed_is_seen(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_write("/etc/ssl/private/key.pem", "SECRET");
	machine_write("/etc/ssl/private/ci.pem", "CI");
	machine_write("/home/alice/dataset/big", "DATA");
	machine_write("/home/alice/mail", "SECRET");
	machine_write("/var/spool/cron/x", "CRON");
	machine_sh("chmod 0640 /etc/ssl/private/ci.pem");
	machine_spec(&spec);
	spec.expose = (char *[]){(char *)"/etc/ssl/private/ci.pem",
		(char *)"/home/alice/dataset", (char *)"/var/spool/cron", NULL};
	g = machine_ground(&spec);
	job_expect(g,
		"ls /etc/ssl/private; cat /etc/ssl/private/ci.pem; echo; "
		"ls /home/alice; cat /home/alice/dataset/big; echo; "
		"cat /var/spool/cron/x; echo >/home/alice/dataset/big",
		"ci.pem\nCI\ndataset\nDATA\nCRON");
	ground_free(g);
	machine_sh("grep -q DATA /home/alice/dataset/big");
}

static void our_own_secrets_cannot_be_exposed(void **state)
{
	struct slot_spec spec;
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	machine_write("/opt/conf/token", "SECRET");
	machine_spec(&spec);
	spec.masks = (char *[]){(char *)"/opt/conf", NULL};
	spec.expose = (char *[]){(char *)"/opt/conf/token", NULL};
	assert_null(ground_open(&spec, machine_slot(), &err));
	assert_int_equal(err.code, DR_CONFIG);
	assert_non_null(strstr(err.msg, "/opt/conf/token cannot be exposed"));
}

static void homes_are_fresh_and_belong_to_their_users(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_sh("cp /etc/passwd /etc/passwd.saved; echo "
		   "'alice:x:1234:1234::/home/alice:/bin/sh' >>/etc/passwd; "
		   "mkdir -p /home/alice /home/stray");
	machine_write("/home/alice/.ssh/id", "SECRET");
	machine_spec(&spec);
	g = machine_ground(&spec);
	job_expect(g,
		"cd /home; ls | grep -E 'alice|stray'; stat -c '%a %u:%g' alice; ls -A alice "
		"/root; stat -c %a /root",
		"alice\n700 1234:1234\n/root:\n\nalice:\n700\n");
	ground_free(g);
	machine_sh("mv /etc/passwd.saved /etc/passwd");
}

static void parents_of_a_mask_keep_owner_and_mode(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_write("/opt/team/deep/token", "SECRET");
	machine_sh("chown 7:8 /opt/team; chmod 2751 /opt/team; "
		   "chmod 1770 /opt/team/deep");
	machine_spec(&spec);
	spec.masks = (char *[]){(char *)"/opt/team/deep/token", NULL};
	g = machine_ground(&spec);
	job_expect(g,
		"stat -c '%a %u:%g' /opt/team /opt/team/deep; "
		"ls -A /opt/team/deep; stat -c %a / /tmp",
		"2751 7:8\n1770 0:0\n755\n1777\n");
	ground_free(g);
}

static void another_file_system_has_an_overlay_of_its_own(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_sh("mkdir -p /srv && mount -t tmpfs -o nosuid,mode=2755 "
		   "srv /srv");
	machine_write("/srv/data/file", "original");
	machine_write("/srv/secret/token", "SECRET");
	machine_spec(&spec);
	spec.masks = (char *[]){(char *)"/srv/secret", NULL};
	g = machine_ground(&spec);
	job_expect(g,
		"cat /srv/data/file; echo; ls -A /srv/secret; "
		"stat -c %a /srv; grep -o ' /srv [^,]*,[^,]*' /proc/mounts; "
		"echo changed >/srv/data/file; rm -r /srv/secret",
		"original\n2755\n /srv overlay rw,nosuid\n");
	ground_free(g);
	machine_sh("grep -q original /srv/data/file && test -e "
		   "/srv/secret/token && umount /srv");
}

static void what_cannot_be_a_lower_layer_is_read_only_and_noted(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	/* the kernel stacks two overlays, not three; "/" is one here already */
	machine_sh("mkdir -p /mnt/deep /data/up /data/wk /data/lo && "
		   "mount -t overlay -o lowerdir=/,upperdir=/data/up,"
		   "workdir=/data/wk x /mnt/deep");
	machine_write("/mnt/deep/file", "deep");
	machine_spec(&spec);
	g = machine_ground(&spec);
	assert_string_equal(ground_notes(g)[0],
		"/mnt/deep is bound read-only: overlay cannot be a lower layer");
	job_expect(g,
		"cat /mnt/deep/file; (echo x >/mnt/deep/file) 2>&1 | "
		"grep -o Read-only",
		"deepRead-only\n");
	ground_free(g);
	/* but nothing is shown at all where a mask could not be kept */
	spec.masks = (char *[]){(char *)"/mnt/deep/file", NULL};
	g = machine_ground(&spec);
	assert_string_equal(ground_notes(g)[0],
		"/mnt/deep is hidden: overlay cannot be a lower layer");
	job_expect(g, "ls -A /mnt/deep", "");
	ground_free(g);
	machine_sh("umount /mnt/deep");
}

static void links_and_mounted_files_arrive_as_copies(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_write("/run/systemd/resolve/stub-resolv.conf",
		"nameserver 1\n");
	machine_write("/data/hosts", "127.0.0.1 one\n");
	machine_sh("rm -f /etc/resolv.conf; ln -s "
		   "../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf; "
		   "mount --bind /data/hosts /etc/hosts");
	machine_spec(&spec);
	g = machine_ground(&spec);
	job_expect(g,
		"cat /etc/resolv.conf /etc/hosts; echo x >>/etc/hosts; "
		"test -f /etc/resolv.conf && test ! -L /etc/resolv.conf",
		"nameserver 1\n127.0.0.1 one\n");
	/* and follow the machine from one world to the next */
	machine_write("/run/systemd/resolve/new", "nameserver 22\n");
	machine_sh("mv /run/systemd/resolve/new "
		   "/run/systemd/resolve/stub-resolv.conf; "
		   "echo 127.0.0.1 two >/etc/hosts");
	job_expect(g, "cat /etc/resolv.conf /etc/hosts",
		"nameserver 22\n127.0.0.1 two\n");
	ground_free(g);
	machine_sh("umount /etc/hosts; ! grep x /data/hosts");
}

static void the_runner_root_has_registration_but_no_credentials(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_write("/data/ca.pem", "PEM");
	machine_spec(&spec);
	spec.ca_file = (char *)"/data/ca.pem";
	g = machine_ground(&spec);
	job_expect(g,
		"cd ..; ls -A; cat .runner .deskrun/ca.pem; ls -A _diag; "
		"ls .deskrun; echo gone >.runner",
		".deskrun\n.runner\n_diag\nbin\nrun.sh\n{\"id\":1}PEM"
		"ca.pem\ndeskrun-init\n");
	machine_write("/data/slot/state/upper/.runner_migrated", "moved");
	job_expect(g, "cat ../.runner ../.runner_migrated", "{\"id\":1}moved");
	ground_free(g);
	machine_sh("rm /data/slot/state/upper/.runner_migrated");
}

static void the_listener_tree_lies_in_the_slot(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	machine_sh("grep -q x /data/slot/root/bin/Runner.Worker && "
		   "grep -q tree /data/slot/root/run.sh && "
		   "grep -q secret /data/slot/root/.credentials");
	machine_write("/data/slot/root/.path", "kept");
	ground_free(g);
	machine_sh("grep -q kept /data/slot/state/upper/.path && "
		   "rm /data/slot/state/upper/.path && "
		   "test -z \"$(ls -A /data/slot/root)\"");
}

static void standard_mode_takes_what_reaches_the_kernel(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_spec(&spec);
	g = machine_ground(&spec);
	job_expect(g, "grep -E 'Cap(Prm|Bnd|Amb)|NoNewPrivs' /proc/self/status",
		"CapPrm:\t00000000a00405fb\nCapBnd:\t00000000a00405fb\n"
		"CapAmb:\t0000000000000000\nNoNewPrivs:\t1\n");
	job_expect(g,
		"for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger "
		"/sys/kernel/uevent_seqnum /sys/power/state; do "
		"(echo x >$f) 2>/dev/null && echo wrote $f; done; "
		"mount -t tmpfs x /mnt 2>/dev/null && echo mounted; "
		"mknod /tmp/sda b 8 0 2>/dev/null && echo mknod; "
		"hostname x 2>/dev/null && echo hostname; "
		"unshare -m true 2>/dev/null && echo unshared; "
		"cat /proc/1/environ 2>/dev/null && echo environ; "
		"readlink /proc/1/exe /proc/1/root /proc/1/fd/3 2>/dev/null; :",
		"");
	ground_free(g);
}

static void privileged_mode_mounts_but_sets_no_clock(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_spec(&spec);
	spec.mode = SLOT_MODE_PRIVILEGED;
	g = machine_ground(&spec);
	job_expect(g,
		"mount -t tmpfs x /mnt && mount --bind /etc /mnt && "
		"echo mounted; date -s @0 >/dev/null 2>&1 && echo date; "
		"have=0x$(grep CapBnd /proc/self/status | cut -f2); "
		"echo $((have & (1 << 16 | 1 << 17 | 1 << 25))) "
		"$((have >> 21 & 1)); "
		"grep -q 'sysfs rw' /proc/mounts && echo writable",
		"mounted\n0 1\nwritable\n");
	ground_free(g);
}

static void a_container_shows_its_own_root_but_for_what_is_named(void **state)
{
	struct slot_spec spec;
	struct ground *g;

	(void)state;
	machine_write("/root/of-the-image", "image");
	machine_write("/etc/ssl/private/image.pem", "image");
	machine_spec(&spec);
	spec.host = false;
	spec.mode = SLOT_MODE_PRIVILEGED;
	spec.masks = (char *[]){(char *)MACHINE_DATA, NULL};
	g = machine_ground(&spec);
	job_expect(g,
		"cat /root/of-the-image /etc/ssl/private/image.pem; "
		"ls -A /data; rm /root/of-the-image",
		"imageimage");
	job_expect(g, "cat /root/of-the-image", "image");
	ground_free(g);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(the_worker_is_started_as_the_listener_would),
		cmocka_unit_test(a_descriptor_arrives_under_its_number),
		cmocka_unit_test(nothing_of_a_job_is_left_for_the_next),
		cmocka_unit_test(system_v_names_and_keys_are_fresh),
		cmocka_unit_test(secrets_of_the_machine_are_masked),
		cmocka_unit_test(secrets_that_come_later_are_masked_too),
		cmocka_unit_test(what_is_exposed_is_seen),
		cmocka_unit_test(our_own_secrets_cannot_be_exposed),
		cmocka_unit_test(homes_are_fresh_and_belong_to_their_users),
		cmocka_unit_test(parents_of_a_mask_keep_owner_and_mode),
		cmocka_unit_test(another_file_system_has_an_overlay_of_its_own),
		cmocka_unit_test(
			what_cannot_be_a_lower_layer_is_read_only_and_noted),
		cmocka_unit_test(links_and_mounted_files_arrive_as_copies),
		cmocka_unit_test(
			the_runner_root_has_registration_but_no_credentials),
		cmocka_unit_test(the_listener_tree_lies_in_the_slot),
		cmocka_unit_test(standard_mode_takes_what_reaches_the_kernel),
		cmocka_unit_test(privileged_mode_mounts_but_sets_no_clock),
		cmocka_unit_test(
			a_container_shows_its_own_root_but_for_what_is_named),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}

int main(void)
{
	return machine_run(tests);
}
