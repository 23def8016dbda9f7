#include "init/masks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/ground.h"
#include "util/cleanup.h"
#include "util/strv.h"

/* Accounts of people, as login.defs(5) has it; 65534 is nobody. */
#define UID_ORDINARY 1000
#define UID_NOBODY 65534

/* Every world has these, whatever its root lacks: things are mounted there. */
static const char *const points[] = {"/proc", "/sys", "/dev", "/run",
	"/var/lib/docker", "/var/lib/containers", WORLD_RUNNER_ROOT, NULL};

/* Secrets of a usual machine. The last component may hold one "*". */
static const char *const secrets[] = {
	/* keys of the machine itself */
	"/etc/ssh/ssh_host_*_key",
	"/etc/ssl/private",
	"/etc/pki/tls/private",
	"/etc/letsencrypt",
	"/etc/krb5.keytab",
	"/var/lib/systemd/credential.secret",
	"/var/lib/systemd/random-seed",
	"/etc/credstore*",
	"/etc/cryptsetup-keys.d",
	"/etc/luks",
	"/etc/secureboot",
	"/var/lib/sbctl",
	"/var/lib/dkms/mok.key",
	"/var/lib/shim-signed/mok",
	"/var/lib/acme",
	"/var/lib/caddy",
	"/var/lib/tpm*",
	/* networks */
	"/etc/wireguard",
	"/etc/openvpn",
	"/etc/ipsec.secrets",
	"/etc/ipsec.d/private",
	"/etc/swanctl",
	"/etc/ppp/*-secrets",
	"/etc/NetworkManager/system-connections",
	"/etc/netplan",
	"/etc/wpa_supplicant",
	"/etc/iwd",
	"/var/lib/iwd",
	"/var/lib/bluetooth",
	"/var/lib/tailscale",
	"/etc/cifs-credentials*",
	"/etc/davfs2/secrets",
	"/etc/samba/smbpasswd",
	"/var/lib/samba/private",
	"/etc/exim4/passwd.client",
	"/etc/postfix/sasl_passwd*",
	"/etc/msmtprc",
	/* accounts */
	"/etc/security/opasswd",
	"/etc/sssd",
	"/var/lib/sss",
	"/etc/ldap.secret",
	"/etc/pam_ldap.secret",
	"/etc/nslcd.conf",
	"/var/lib/AccountsService",
	/* containers and clusters */
	"/etc/docker/key.json",
	"/etc/rancher",
	"/var/lib/rancher",
	"/etc/kubernetes",
	"/var/lib/kubelet",
	"/var/lib/etcd",
	"/var/lib/containerd",
	"/var/lib/lxc",
	"/var/lib/lxd",
	"/var/lib/incus",
	"/var/lib/libvirt",
	"/var/lib/machines",
	/* what other services keep */
	"/var/lib/mysql",
	"/var/lib/postgresql",
	"/var/lib/redis",
	"/var/lib/vault",
	"/var/lib/jenkins",
	"/var/lib/gitlab*",
	"/etc/gitlab*",
	"/etc/mysql/debian.cnf",
	"/etc/apt/auth.conf",
	"/etc/apt/auth.conf.d",
	"/etc/vault.d",
	"/etc/consul.d",
	"/etc/nomad.d",
	"/var/backups",
	"/var/mail",
	"/var/spool/mail",
	"/var/spool/cron",
	"/var/spool/at",
	"/var/crash",
	"/var/lib/systemd/coredump",
	NULL,
};

/* Password fields; jobs need the rest, for su(1) and adduser(8). */
static const char *const hashed[] = {
	"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", NULL};

bool path_within(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1 && *dir == '/')
		return *path == '/';
	return strncmp(path, dir, len) == 0 &&
		(path[len] == '\0' || path[len] == '/');
}

bool pattern_matches(const char *pattern, const char *name)
{
	size_t head = strcspn(pattern, "*");
	const char *tail = pattern + head + (pattern[head] == '*');
	size_t len = strlen(name);

	if (pattern[head] == '\0')
		return strcmp(pattern, name) == 0;
	return len >= head + strlen(tail) &&
		strncmp(name, pattern, head) == 0 &&
		strcmp(name + len - strlen(tail), tail) == 0;
}

char *path_resolve(const char *path)
{
	auto_free char *head = strdup(path);
	size_t len;

	if (!head)
		return NULL;
	/* realpath() needs all of it to exist: go up until that is so */
	for (len = strlen(head);; len = (size_t)(strrchr(head, '/') - head)) {
		auto_free char *real = NULL;
		char *out;

		head[len] = '\0';
		real = realpath(len ? head : "/", NULL);
		if (!real && errno != ENOENT && errno != ENOTDIR)
			return NULL;
		if (!real)
			continue;
		if (asprintf(&out, "%s%s",
			    strcmp(real, "/") == 0 && path[len] ? "" : real,
			    path + len) < 0)
			return NULL;
		return out;
	}
}

int mask_list_add(struct mask_list *masks, const struct mask *mask,
	struct dr_err *err)
{
	struct mask *grown = reallocarray(masks->v, masks->n + 1,
		sizeof(*grown));

	if (!grown)
		return dr_err_oom(err);
	masks->v = grown;
	grown[masks->n] = *mask;
	grown[masks->n].path = strdup(mask->path);
	if (!grown[masks->n].path)
		return dr_err_oom(err);
	masks->n++;
	return 0;
}

void mask_list_clear(struct mask_list *masks)
{
	for (size_t i = 0; i < masks->n; i++)
		free(masks->v[i].path);
	free(masks->v);
	*masks = (struct mask_list){0};
}

static int add(struct mask_list *out, enum mask_kind kind, const char *path,
	bool builtin, struct dr_err *err)
{
	struct mask m = {.kind = kind,
		.path = (char *)path,
		.mode = 0755,
		.builtin = builtin};

	return mask_list_add(out, &m, err);
}

static int add_all(struct mask_list *out, enum mask_kind kind,
	const char *const *paths, struct dr_err *err)
{
	for (; *paths; paths++)
		if (add(out, kind, *paths, true, err) < 0)
			return -1;
	return 0;
}

static int add_dir(struct mask_list *out, const char *path, mode_t mode,
	uid_t uid, gid_t gid, struct dr_err *err)
{
	struct mask m = {.kind = MASK_EMPTY,
		.path = (char *)path,
		.mode = mode,
		.uid = uid,
		.gid = gid,
		.builtin = true};

	return mask_list_add(out, &m, err);
}

/* A home that is part of the system itself belongs to a daemon: keep it. */
static bool is_system_dir(const char *home)
{
	static const char *const trees[] = {"/usr", "/bin", "/sbin", "/lib",
		"/lib32", "/lib64", "/libx32", "/etc", "/dev", "/proc", "/sys",
		"/boot", "/run", NULL};
	static const char *const tops[] = {"/", "/var", "/var/lib",
		"/var/spool", "/var/cache", "/opt", "/srv", "/mnt", "/media",
		"/tmp", "/var/tmp", "/home", "/root", "/nonexistent", NULL};

	for (const char *const *t = trees; *t; t++)
		if (path_within(home, *t))
			return true;
	for (const char *const *t = tops; *t; t++)
		if (strcmp(home, *t) == 0)
			return true;
	return false;
}

/* One line of passwd(5). Lines that are not such are skipped. */
static int add_home(struct mask_list *out, char *line, struct dr_err *err)
{
	char *fields[7];
	char *rest = line;
	unsigned long uid, gid;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!(fields[i] = strsep(&rest, ":")))
			return 0;
	uid = strtoul(fields[2], NULL, 10);
	gid = strtoul(fields[3], NULL, 10);
	len = strlen(fields[5]);
	while (len > 1 && fields[5][len - 1] == '/')
		fields[5][--len] = '\0';
	if (uid < UID_ORDINARY || uid == UID_NOBODY || uid > UINT_MAX ||
		fields[5][0] != '/' || is_system_dir(fields[5]))
		return 0;
	return add_dir(out, fields[5], 0700, (uid_t)uid, (gid_t)gid, err);
}

static int add_homes(struct mask_list *out, const char *passwd,
	struct dr_err *err)
{
	auto_free char *copy = strdup(passwd);
	char *rest = copy;
	char *line;

	if (!copy)
		return dr_err_oom(err);
	while ((line = strsep(&rest, "\n")))
		if (add_home(out, line, err) < 0)
			return -1;
	return 0;
}

static int add_machine(struct mask_list *out, const char *passwd,
	struct dr_err *err)
{
	if (add_all(out, MASK_HIDE, secrets, err) < 0 ||
		add_all(out, MASK_CLEANED, hashed, err) < 0 ||
		add_dir(out, "/tmp", 01777, 0, 0, err) < 0 ||
		add_dir(out, "/var/tmp", 01777, 0, 0, err) < 0 ||
		add_dir(out, "/root", 0700, 0, 0, err) < 0 ||
		add_dir(out, "/home", 0755, 0, 0, err) < 0 ||
		add_homes(out, passwd, err) < 0)
		return -1;
	return 0;
}

int masks_choose(const struct slot_spec *spec, const char *passwd,
	struct mask_list *out, struct dr_err *err)
{
	for (const char *const *p = points; *p; p++) {
		struct mask m = {
			.kind = MASK_EMPTY, .path = (char *)*p, .mode = 0755};

		if (mask_list_add(out, &m, err) < 0)
			return -1;
	}
	if (add(out, MASK_HIDE, spec->scratch, false, err) < 0)
		return -1;
	for (char *const *p = spec->masks; p && *p; p++)
		if (add(out, MASK_HIDE, *p, false, err) < 0)
			return -1;
	return spec->host ? add_machine(out, passwd, err) : 0;
}

static int by_path(const void *a, const void *b)
{
	const struct mask *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	/* of two for one path, the stricter first: it is the one that stays */
	if (order == 0)
		order = (int)x->builtin - (int)y->builtin;
	return order ? order : (int)y->kind - (int)x->kind;
}

/* Two names of one directory can be in the list: keep the first. */
static void sort(struct mask_list *masks)
{
	size_t kept = 0;

	qsort(masks->v, masks->n, sizeof(*masks->v), by_path);
	for (size_t i = 0; i < masks->n; i++) {
		if (kept > 0 &&
			strcmp(masks->v[kept - 1].path, masks->v[i].path) == 0)
			free(masks->v[i].path);
		else
			masks->v[kept++] = masks->v[i];
	}
	masks->n = kept;
}

bool masks_hide(const struct mask_list *masks, const char *path)
{
	const struct mask *deepest = NULL;

	for (size_t i = 0; i < masks->n; i++) {
		const struct mask *m = &masks->v[i];

		if (path_within(path, m->path) &&
			(!deepest || strlen(m->path) > strlen(deepest->path)))
			deepest = m;
	}
	return deepest && deepest->kind != MASK_REVEAL;
}

static bool exposed(const struct mask *m, char *const *expose)
{
	for (; m->builtin && expose && *expose; expose++)
		if (path_within(m->path, *expose))
			return true;
	return false;
}

int masks_expose(struct mask_list *masks, char *const *expose,
	struct dr_err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < masks->n; i++) {
		if (exposed(&masks->v[i], expose))
			free(masks->v[i].path);
		else
			masks->v[kept++] = masks->v[i];
	}
	masks->n = kept;
	sort(masks);
	for (; expose && *expose; expose++) {
		if (!masks_hide(masks, *expose))
			continue;
		for (size_t i = 0; i < masks->n; i++)
			if (!masks->v[i].builtin &&
				path_within(*expose, masks->v[i].path))
				return dr_err_set(err, DR_CONFIG,
					"%s cannot be exposed: it lies in %s, "
					"which no job may see",
					*expose, masks->v[i].path);
		if (add(masks, MASK_REVEAL, *expose, true, err) < 0)
			return -1;
	}
	sort(masks);
	return 0;
}
