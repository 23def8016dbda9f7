/* What a world is made of, decided from texts alone. */
#include "unit.h"

#include <sys/mount.h>

#include "init/ground.h"
#include "init/mask_layer.h"
#include "init/masks.h"
#include "init/mounts.h"
#include "init/overlay.h"
#include "init/plan.h"
#include "init/probe.h"
#include "util/cleanup.h"
#include "util/strv.h"

static const char machine[] =
	"22 27 0:21 / /proc rw,relatime - proc proc rw\n"
	"24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,mode=755\n"
	"27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
	"30 27 254:1 / /var rw,nosuid master:2 - xfs /dev/vdb rw\n"
	"31 30 0:40 / /var/lib/docker/x rw - overlay overlay rw\n"
	"32 27 7:1 / /snap/core/1 ro,nodev - squashfs /dev/loop1 ro\n"
	"33 27 254:2 / /srv/my\\040data rw,nodev,noexec - ext4 /dev/vdc rw\n"
	"34 27 0:41 / /home rw - nfs4 nas:/home rw\n"
	"35 34 0:42 / /home/alice/disk rw - ext4 /dev/vdd rw\n"
	"36 27 0:43 / /run/user/0 rw - tmpfs tmpfs rw\n"
	"37 22 0:44 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n"
	"40 27 0:50 / /mnt rw - tmpfs one rw\n"
	"41 40 0:51 / /mnt/below rw - tmpfs below rw\n"
	"42 40 0:52 / /mnt rw - tmpfs two rw\n"
	"50 27 0:60 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup "
	"rw,cpu,cpuacct\n"
	"51 27 0:61 / /sys/fs/cgroup/systemd rw - cgroup cgroup "
	"rw,xattr,release_agent=/x,name=systemd\n"
	"52 27 0:62 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

static const char people[] =
	"root:x:0:0:root:/root:/bin/bash\n"
	"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
	"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
	"alice:x:1000:1000:Alice,,,:/home/alice/:/bin/bash\n"
	"robot:x:1001:1002::/srv/robot:/bin/sh\n"
	"odd:x:1002:1002::/usr/lib/odd:/bin/sh\n"
	"top:x:1003:1003::/:/bin/sh\n"
	"short:x:1004\n\n";

static void choose(const struct slot_spec *spec, char *const *expose,
	struct mask_list *masks)
{
	struct dr_err err = DR_ERR_INIT;

	*masks = (struct mask_list){0};
	assert_int_equal(masks_choose(spec, people, masks, &err), 0);
	assert_int_equal(masks_expose(masks, expose, &err), 0);
}

static const struct mask *find(const struct mask_list *masks, const char *path)
{
	for (size_t i = 0; i < masks->n; i++)
		if (strcmp(masks->v[i].path, path) == 0)
			return &masks->v[i];
	return NULL;
}

static const struct slot_spec host = {
	.scratch = (char *)"/var/scratch", .host = true};

static void mountinfo_is_read_with_its_escapes(void **state)
{
	auto_mount_table struct mount_table t = {0};
	struct dr_err err = DR_ERR_INIT;
	const struct mount_entry *e;

	(void)state;
	assert_int_equal(mount_table_parse(machine, &t, &err), 0);
	assert_int_equal(t.n, 17);
	e = mount_at(&t, "/srv/my data");
	assert_non_null(e);
	assert_string_equal(e->type, "ext4");
	assert_int_equal(e->flags, MS_NODEV | MS_NOEXEC);
	assert_string_equal(mount_of(&t, "/var/lib/x")->point, "/var");
	assert_string_equal(mount_of(&t, "/variable")->point, "/");
}

static void a_mount_that_another_covers_is_not_seen(void **state)
{
	auto_mount_table struct mount_table t = {0};
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(mount_table_parse(machine, &t, &err), 0);
	assert_int_equal(mount_at(&t, "/mnt")->id, 42);
	assert_null(mount_at(&t, "/mnt/below"));
	assert_int_equal(mount_of(&t, "/mnt/below/x")->id, 42);
}

static void what_is_no_mountinfo_is_an_error(void **state)
{
	auto_mount_table struct mount_table t = {0};
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(mount_table_parse("1 2 3:4 / /\n", &t, &err), -1);
	assert_int_equal(err.code, DR_ENGINE);
}

static void real_file_systems_become_bases(void **state)
{
	auto_mount_table struct mount_table t = {0};
	auto_mask_list struct mask_list masks;
	struct base_list bases = {0};
	struct dr_err err = DR_ERR_INIT;
	auto_buf struct dr_buf seen;

	(void)state;
	dr_buf_init(&seen, 4096);
	choose(&host, NULL, &masks);
	assert_int_equal(mount_table_parse(machine, &t, &err), 0);
	assert_int_equal(bases_choose(&t, &masks, &bases, &err), 0);
	for (size_t i = 0; i < bases.n; i++)
		dr_buf_addf(&seen, "%s%s ", bases.v[i].point,
			bases.v[i].how == BASE_READONLY ? "(ro)" : "");
	assert_string_equal(seen.data,
		"/ /mnt /snap/core/1(ro) /srv/my data /var ");
	assert_string_equal(base_of(&bases, "/var/x", false)->point, "/var");
	assert_string_equal(base_of(&bases, "/var", true)->point, "/");
	base_list_clear(&bases);
}

static void what_is_exposed_below_a_mask_becomes_a_base(void **state)
{
	char *expose[] = {
		(char *)"/home/alice/disk", (char *)"/home/alice/src", NULL};
	auto_mount_table struct mount_table t = {0};
	auto_mask_list struct mask_list masks;
	struct base_list bases = {0};
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	choose(&host, expose, &masks);
	assert_int_equal(mount_table_parse(machine, &t, &err), 0);
	assert_int_equal(bases_choose(&t, &masks, &bases, &err), 0);
	assert_string_equal(bases.v[1].point, "/home/alice/disk");
	assert_string_equal(bases.v[1].type, "ext4");
	assert_string_equal(bases.v[2].point, "/home/alice/src");
	assert_string_equal(bases.v[2].type, "nfs4");
	base_list_clear(&bases);
}

static void homes_of_people_are_masked_and_those_of_daemons_not(void **state)
{
	auto_mask_list struct mask_list masks;
	const struct mask *m;

	(void)state;
	choose(&host, NULL, &masks);
	m = find(&masks, "/home/alice");
	assert_non_null(m);
	assert_int_equal(m->kind, MASK_EMPTY);
	assert_int_equal(m->mode, 0700);
	assert_int_equal(m->uid, 1000);
	m = find(&masks, "/srv/robot");
	assert_non_null(m);
	assert_int_equal(m->gid, 1002);
	assert_null(find(&masks, "/usr/lib/odd"));
	assert_null(find(&masks, "/usr/sbin"));
	assert_null(find(&masks, "/nonexistent"));
	assert_null(find(&masks, "/"));
}

static void a_container_masks_only_what_is_named(void **state)
{
	const struct slot_spec container = {.scratch = (char *)"/scratch",
		.masks = (char *[]){(char *)"/deskrun", NULL}};
	auto_mask_list struct mask_list masks;

	(void)state;
	choose(&container, NULL, &masks);
	assert_true(masks_hide(&masks, "/scratch/x"));
	assert_true(masks_hide(&masks, "/deskrun"));
	assert_true(masks_hide(&masks, "/run/secrets"));
	assert_false(masks_hide(&masks, "/root"));
	assert_false(masks_hide(&masks, "/etc/shadow"));
	assert_false(masks_hide(&masks, "/tmp"));
}

static void an_exposed_path_takes_its_masks_away(void **state)
{
	char *expose[] = {(char *)"/etc/wireguard", (char *)"/var/spool",
		(char *)"/etc/ssl/private/ci.pem", NULL};
	auto_mask_list struct mask_list masks;

	(void)state;
	choose(&host, expose, &masks);
	assert_false(masks_hide(&masks, "/etc/wireguard/wg0.conf"));
	assert_false(masks_hide(&masks, "/var/spool/cron"));
	assert_true(masks_hide(&masks, "/etc/ssl/private/other.pem"));
	assert_int_equal(find(&masks, "/etc/ssl/private/ci.pem")->kind,
		MASK_REVEAL);
}

static void what_is_ours_stays_masked_whatever_is_exposed(void **state)
{
	char *expose[] = {(char *)"/var/scratch/w-1-1", NULL};
	char *above[] = {(char *)"/var", NULL};
	auto_mask_list struct mask_list masks = {0};
	auto_mask_list struct mask_list wide;
	struct dr_err err = DR_ERR_INIT;

	(void)state;
	assert_int_equal(masks_choose(&host, people, &masks, &err), 0);
	assert_int_equal(masks_expose(&masks, expose, &err), -1);
	assert_int_equal(err.code, DR_CONFIG);
	choose(&host, above, &wide);
	assert_true(masks_hide(&wide, "/var/scratch"));
}

static void patterns_have_one_star(void **state)
{
	(void)state;
	assert_true(pattern_matches("ssh_host_*_key", "ssh_host_rsa_key"));
	assert_false(pattern_matches("ssh_host_*_key", "ssh_host_rsa_key.pub"));
	assert_false(pattern_matches("ab*ba", "aba"));
	assert_true(pattern_matches("credstore*", "credstore"));
	assert_false(pattern_matches("one", "other"));
}

static void paths_are_compared_by_components(void **state)
{
	(void)state;
	assert_true(path_within("/a/b", "/a"));
	assert_true(path_within("/a", "/a"));
	assert_false(path_within("/ab", "/a"));
	assert_true(path_within("/a", "/"));
}

static void shadow_passwords_become_stars(void **state)
{
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, 4096);
	assert_int_equal(shadow_clean("root:$6$abc:19000:0:99999:7:::\n"
				      "daemon:*:1::::::\n"
				      "garbage $6$secret\n"
				      "shadow:!::\n"
				      "last:$y$z",
				 &out),
		0);
	assert_string_equal(out.data,
		"root:*:19000:0:99999:7:::\n"
		"daemon:*:1::::::\n"
		"shadow:*::\n"
		"last:*\n");
}

static void separators_in_a_layer_are_escaped(void **state)
{
	auto_free char *out = overlay_escape("/a:b,c\\d");

	(void)state;
	assert_string_equal(out, "/a\\:b\\,c\\\\d");
}

struct made {
	struct mount_table t;
	struct mask_list masks;
	struct base_list bases;
	struct cgroups cgroups;
	struct plan plan;
};

static void make(enum slot_mode mode, struct made *m)
{
	static const struct plan_places places = {
		.runner = (char *)WORLD_RUNNER_ROOT,
		.docker = (char *)"/var/lib/docker",
		.containers = (char *)"/var/lib/containers"};
	struct dr_err err = DR_ERR_INIT;

	*m = (struct made){0};
	choose(&host, NULL, &m->masks);
	assert_int_equal(mount_table_parse(machine, &m->t, &err), 0);
	assert_int_equal(bases_choose(&m->t, &m->masks, &m->bases, &err), 0);
	assert_int_equal(cgroups_find(&m->t, &m->cgroups, &err), 0);
	m->cgroups.mode = mode;
	for (size_t i = 0; i < m->cgroups.n; i++)
		m->cgroups.v[i].used = mode == SLOT_MODE_PRIVILEGED;
	m->bases.v[0].mask = m->bases.v[4].mask = true;
	assert_int_equal(plan_make(mode, &m->bases, &places, &m->cgroups,
				 &m->plan, &err),
		0);
}

static void made_clear(struct made *m)
{
	mount_table_clear(&m->t);
	mask_list_clear(&m->masks);
	base_list_clear(&m->bases);
	cgroups_clear(&m->cgroups);
	plan_clear(&m->plan);
}

static const struct step *step_on(const struct plan *p, const char *target)
{
	for (size_t i = p->n; i-- > 0;)
		if (strcmp(p->v[i].target, target) == 0)
			return &p->v[i];
	return NULL;
}

static void a_plan_gives_each_base_its_layers(void **state)
{
	struct made m;
	const struct step *s;

	(void)state;
	make(SLOT_MODE_STANDARD, &m);
	s = step_on(&m.plan, "mnt/var");
	assert_non_null(s);
	assert_int_equal(s->flags, MS_NOSUID);
	assert_string_equal(s->data,
		"lowerdir=../.ground/4:/var,upperdir=4/u,"
		"workdir=4/w," OVERLAY_OPTIONS);
	s = step_on(&m.plan, "mnt/srv/my data");
	assert_string_equal(s->type, "overlay");
	assert_non_null(strstr(s->data, "lowerdir=/srv/my data,upperdir=3/u"));
	s = step_on(&m.plan, "mnt/snap/core/1");
	assert_int_equal(s->flags, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NODEV);
	made_clear(&m);
}

static void only_a_standard_world_has_the_kernel_read_only(void **state)
{
	struct made m;

	(void)state;
	make(SLOT_MODE_STANDARD, &m);
	assert_true(step_on(&m.plan, "mnt/sys")->flags & MS_RDONLY);
	assert_true(step_on(&m.plan, "mnt/proc/sys")->flags & MS_RDONLY);
	assert_null(step_on(&m.plan, "mnt/sys/fs/cgroup"));
	made_clear(&m);
	make(SLOT_MODE_PRIVILEGED, &m);
	assert_false(step_on(&m.plan, "mnt/sys")->flags & MS_RDONLY);
	assert_null(step_on(&m.plan, "mnt/proc/sys"));
	assert_string_equal(
		step_on(&m.plan, "mnt/sys/fs/cgroup/cpu,cpuacct")->data,
		"cpu,cpuacct");
	assert_string_equal(step_on(&m.plan, "mnt/sys/fs/cgroup/cpu")->source,
		"cpu,cpuacct");
	assert_string_equal(step_on(&m.plan, "mnt/sys/fs/cgroup/systemd")->data,
		"none,name=systemd");
	assert_string_equal(step_on(&m.plan, "mnt/sys/fs/cgroup/unified")->type,
		"cgroup2");
	made_clear(&m);
}

static void a_plan_that_leaves_the_world_is_refused(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	struct made m;
	struct step out = {.op = STEP_DIR, .target = "mnt/../etc"};
	struct step hides = {.op = STEP_MOUNT, .target = "mnt/var"};
	struct step again = {
		.op = STEP_PLACE, .layer = LAYER_ROOT, .target = "mnt/again"};

	(void)state;
	make(SLOT_MODE_STANDARD, &m);
	assert_int_equal(plan_add(&m.plan, &out, &err), 0);
	assert_int_equal(plan_check(&m.plan, &err), -1);
	m.plan.v[m.plan.n - 1] = hides;
	assert_int_equal(plan_check(&m.plan, &err), -1);
	assert_non_null(strstr(err.msg, "mnt/var would hide mnt/var/lib"));
	m.plan.v[m.plan.n - 1] = again;
	assert_int_equal(plan_check(&m.plan, &err), -1);
	m.plan.n--;
	assert_int_equal(plan_check(&m.plan, &err), 0);
	made_clear(&m);
}

static void a_probe_says_what_is_missing(void **state)
{
	struct probe_result r = {0};
	auto_buf struct dr_buf out;

	(void)state;
	dr_buf_init(&out, 4096);
	assert_int_equal(probe_write(&r, &out), 0);
	assert_string_equal(out.data,
		"{\"ok\":true,\"isolation\":\"world\",\"missing\":[],"
		"\"notes\":[]}");
	dr_buf_reset(&out);
	assert_int_equal(strv_add(&r.missing, "openat2(2) (Linux 5.6)"), 0);
	assert_int_equal(probe_write(&r, &out), 0);
	assert_string_equal(out.data,
		"{\"ok\":false,\"isolation\":\"none\",\"missing\":"
		"[\"openat2(2) (Linux 5.6)\"],\"notes\":[]}");
	strv_free(r.missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mountinfo_is_read_with_its_escapes),
		cmocka_unit_test(a_mount_that_another_covers_is_not_seen),
		cmocka_unit_test(what_is_no_mountinfo_is_an_error),
		cmocka_unit_test(real_file_systems_become_bases),
		cmocka_unit_test(what_is_exposed_below_a_mask_becomes_a_base),
		cmocka_unit_test(
			homes_of_people_are_masked_and_those_of_daemons_not),
		cmocka_unit_test(a_container_masks_only_what_is_named),
		cmocka_unit_test(an_exposed_path_takes_its_masks_away),
		cmocka_unit_test(what_is_ours_stays_masked_whatever_is_exposed),
		cmocka_unit_test(patterns_have_one_star),
		cmocka_unit_test(paths_are_compared_by_components),
		cmocka_unit_test(shadow_passwords_become_stars),
		cmocka_unit_test(separators_in_a_layer_are_escaped),
		cmocka_unit_test(a_plan_gives_each_base_its_layers),
		cmocka_unit_test(
			only_a_standard_world_has_the_kernel_read_only),
		cmocka_unit_test(a_plan_that_leaves_the_world_is_refused),
		cmocka_unit_test(a_probe_says_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
