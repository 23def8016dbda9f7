#include "init/caps.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "util/cleanup.h"

static void cleanup_cap(cap_t *c)
{
	int saved = errno;

	if (*c)
		cap_free(*c);
	errno = saved;
}
#define auto_cap __attribute__((cleanup(cleanup_cap)))

/* Kernel-wide effects that outlive every namespace */
static const cap_value_t never[] = {
	CAP_SYS_TIME, CAP_SYS_MODULE, CAP_SYS_RAWIO};

/*
 * What a job's root needs on files, users and ports. Not among them, though
 * container engines grant them: NET_RAW (the network is the machine's) and
 * MKNOD; and not DAC_READ_SEARCH: open_by_handle_at(2) would go around every
 * mask.
 */
static const cap_value_t standard[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,
	CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP,
	CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_AUDIT_WRITE, CAP_SETFCAP};

static bool is_one_of(cap_value_t cap, const cap_value_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == cap)
			return true;
	return false;
}

static bool granted(enum slot_mode mode, cap_value_t cap)
{
	if (mode == SLOT_MODE_STANDARD)
		return is_one_of(cap, standard, ARRAY_SIZE(standard));
	return !is_one_of(cap, never, ARRAY_SIZE(never));
}

static int set_sets(enum slot_mode mode, struct dr_err *err)
{
	static const cap_flag_t kept[] = {CAP_PERMITTED, CAP_EFFECTIVE};
	auto_cap cap_t now = cap_get_proc();
	auto_cap cap_t next = cap_init();

	if (!now || !next)
		return dr_err_errno(err, DR_ENGINE, "read capabilities");
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		cap_flag_value_t have = CAP_CLEAR;

		cap_get_flag(now, cap, CAP_PERMITTED, &have);
		if (have == CAP_CLEAR || !granted(mode, cap))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			cap_set_flag(next, kept[i], 1, &cap, CAP_SET);
	}
	if (cap_set_proc(next) < 0)
		return dr_err_errno(err, DR_ENGINE, "drop capabilities");
	return 0;
}

int caps_limit(enum slot_mode mode, struct dr_err *err)
{
	/* the bounding set first: dropping from it takes a capability */
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++)
		if (!granted(mode, cap) && cap_drop_bound(cap) < 0)
			return dr_err_errno(err, DR_ENGINE,
				"drop capability %d for good", cap);
	if (cap_reset_ambient() < 0)
		return dr_err_errno(err, DR_ENGINE,
			"drop ambient capabilities");
	if (set_sets(mode, err) < 0)
		return -1;
	if (mode == SLOT_MODE_STANDARD &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return dr_err_errno(err, DR_ENGINE, "set no_new_privs");
	return 0;
}

int caps_drop_all(struct dr_err *err)
{
	auto_cap cap_t none = cap_init();

	if (!none || cap_set_proc(none) < 0)
		return dr_err_errno(err, DR_ENGINE, "drop capabilities");
	return 0;
}
