#include "init/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "init/overlay.h"
#include "util/cleanup.h"
#include "util/strv.h"

#define QUIET (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define AT(path) PLAN_ROOT path

static const struct step fresh[] = {
	{.op = STEP_MOUNT,
		.type = "proc",
		.source = "proc",
		.target = AT("/proc"),
		.flags = QUIET},
	{.op = STEP_MOUNT,
		.type = "tmpfs",
		.source = "dev",
		.target = AT("/dev"),
		.flags = MS_NOSUID,
		.data = "mode=755,size=1m,nr_inodes=1k"},
	{.op = STEP_NODE, .target = AT("/dev/null"), .major = 1, .minor = 3},
	{.op = STEP_NODE, .target = AT("/dev/zero"), .major = 1, .minor = 5},
	{.op = STEP_NODE, .target = AT("/dev/full"), .major = 1, .minor = 7},
	{.op = STEP_NODE, .target = AT("/dev/random"), .major = 1, .minor = 8},
	{.op = STEP_NODE, .target = AT("/dev/urandom"), .major = 1, .minor = 9},
	{.op = STEP_NODE, .target = AT("/dev/tty"), .major = 5, .minor = 0},
	{.op = STEP_LINK, .target = AT("/dev/fd"), .source = "/proc/self/fd"},
	{.op = STEP_LINK, .target = AT("/dev/stdin"), .source = "fd/0"},
	{.op = STEP_LINK, .target = AT("/dev/stdout"), .source = "fd/1"},
	{.op = STEP_LINK, .target = AT("/dev/stderr"), .source = "fd/2"},
	{.op = STEP_LINK, .target = AT("/dev/ptmx"), .source = "pts/ptmx"},
	{.op = STEP_DIR, .target = AT("/dev/pts"), .mode = 0755},
	{.op = STEP_DIR, .target = AT("/dev/shm"), .mode = 01777},
	{.op = STEP_DIR, .target = AT("/dev/mqueue"), .mode = 01777},
	{.op = STEP_MOUNT,
		.type = "devpts",
		.source = "devpts",
		.target = AT("/dev/pts"),
		.flags = MS_NOSUID | MS_NOEXEC,
		.data = "newinstance,ptmxmode=0666,mode=0620,gid=5"},
	{.op = STEP_MOUNT,
		.type = "tmpfs",
		.source = "shm",
		.target = AT("/dev/shm"),
		.flags = MS_NOSUID | MS_NODEV,
		.data = "mode=1777"},
	{.op = STEP_MOUNT,
		.type = "mqueue",
		.source = "mqueue",
		.target = AT("/dev/mqueue"),
		.flags = QUIET,
		.optional = true},
	{.op = STEP_MOUNT,
		.type = "tmpfs",
		.source = "run",
		.target = AT("/run"),
		.flags = MS_NOSUID | MS_NODEV,
		.data = "mode=755"},
	{.op = STEP_DIR, .target = AT("/run/lock"), .mode = 01777},
};

int plan_add(struct plan *plan, const struct step *step, struct dr_err *err)
{
	struct step *grown = reallocarray(plan->v, plan->n + 1, sizeof(*grown));

	if (!grown || !step->target)
		return dr_err_oom(err);
	grown[plan->n++] = *step;
	plan->v = grown;
	return 0;
}

const char *plan_text(struct plan *plan, struct dr_err *err, const char *fmt,
	...)
{
	auto_free char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0 || strv_add(&plan->texts, text) < 0) {
		dr_err_oom(err);
		return NULL;
	}
	return plan->texts[strv_len(plan->texts) - 1];
}

void plan_clear(struct plan *plan)
{
	free(plan->v);
	strv_free(plan->texts);
	*plan = (struct plan){0};
}

int plan_add_readonly(struct plan *plan, const char *target,
	unsigned long flags, struct dr_err *err)
{
	const struct step bind = {.op = STEP_MOUNT,
		.target = target,
		.source = target,
		.flags = MS_BIND,
		.optional = true};
	/* a bind takes no other flags: they need a second call, mount(2) */
	const struct step seal = {.op = STEP_MOUNT,
		.target = target,
		.flags = MS_BIND | MS_REMOUNT | MS_RDONLY | flags,
		.optional = true};

	return plan_add(plan, &bind, err) < 0 ? -1 : plan_add(plan, &seal, err);
}

static int add_overlay(struct plan *plan, const struct base *b, size_t i,
	struct dr_err *err)
{
	auto_free char *lower = overlay_escape(b->point);
	auto_free char *mask = NULL;
	struct step s = {.op = STEP_MOUNT,
		.type = "overlay",
		.source = "overlay",
		.flags = b->flags};

	if (!lower || asprintf(&mask, "../.ground/%zu:", i) < 0)
		return dr_err_oom(err);
	s.target = plan_text(plan, err, "%s%s", PLAN_ROOT, b->point);
	s.data = plan_text(plan, err,
		"lowerdir=%s%s,upperdir=%zu/u,workdir=%zu/w," OVERLAY_OPTIONS,
		b->mask ? mask : "", lower, i, i);
	return s.data ? plan_add(plan, &s, err) : -1;
}

static int add_base(struct plan *plan, const struct base *b, size_t i,
	struct dr_err *err)
{
	struct step bind = {
		.op = STEP_MOUNT, .source = b->point, .flags = MS_BIND};
	struct step seal = {.op = STEP_MOUNT,
		.flags = MS_BIND | MS_REMOUNT | MS_RDONLY | b->flags};

	if (b->how == BASE_HIDDEN)
		return 0;
	if (b->how == BASE_OVERLAY)
		return add_overlay(plan, b, i, err);
	bind.source = plan_text(plan, err, "%s", b->point);
	bind.target = plan_text(plan, err, "%s%s", PLAN_ROOT, b->point);
	seal.target = bind.target;
	if (!bind.source || plan_add(plan, &bind, err) < 0)
		return -1;
	return plan_add(plan, &seal, err);
}

static int add_place(struct plan *plan, enum plan_layer layer, const char *path,
	struct dr_err *err)
{
	struct step s = {.op = STEP_PLACE, .layer = layer};

	s.target = plan_text(plan, err, "%s%s", PLAN_ROOT, path);
	return plan_add(plan, &s, err);
}

/* Overlays cannot carry the upper layers of a Docker in the world. */
static int add_plain(struct plan *plan, const char *source, const char *path,
	struct dr_err *err)
{
	struct step s = {.op = STEP_MOUNT, .source = source, .flags = MS_BIND};

	s.target = plan_text(plan, err, "%s%s", PLAN_ROOT, path);
	return plan_add(plan, &s, err);
}

/* In standard mode root must not reach the kernel by its files either. */
static int add_kernel(struct plan *plan, enum slot_mode mode,
	const struct cgroups *cgroups, struct dr_err *err)
{
	static const char *const sealed[] = {AT("/proc/sys"), AT("/proc/irq"),
		AT("/proc/bus"), AT("/proc/fs"), AT("/proc/sysrq-trigger"),
		NULL};
	const struct step sys = {.op = STEP_MOUNT,
		.type = "sysfs",
		.source = "sysfs",
		.target = AT("/sys"),
		.flags = QUIET |
			(mode == SLOT_MODE_STANDARD ? (unsigned long)MS_RDONLY
						    : 0)};

	for (const char *const *s = sealed; mode == SLOT_MODE_STANDARD && *s;
		s++)
		if (plan_add_readonly(plan, *s, QUIET, err) < 0)
			return -1;
	if (plan_add(plan, &sys, err) < 0)
		return -1;
	return cgroups_plan(cgroups, plan, err);
}

static int add_bases(struct plan *plan, const struct base_list *bases,
	struct dr_err *err)
{
	if (add_place(plan, LAYER_ROOT, "", err) < 0)
		return -1;
	for (size_t i = 1; i < bases->n; i++)
		if (add_base(plan, &bases->v[i], i, err) < 0)
			return -1;
	return 0;
}

int plan_make(enum slot_mode mode, const struct base_list *bases,
	const struct plan_places *places, const struct cgroups *cgroups,
	struct plan *plan, struct dr_err *err)
{
	if (add_bases(plan, bases, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++) {
		struct step s = fresh[i];

		if (s.op == STEP_NODE)
			s.mode = 0666;
		if (plan_add(plan, &s, err) < 0)
			return -1;
	}
	if (add_kernel(plan, mode, cgroups, err) < 0 ||
		add_place(plan, LAYER_RUNNER, places->runner, err) < 0 ||
		add_plain(plan, "docker", places->docker, err) < 0 ||
		add_plain(plan, "containers", places->containers, err) < 0)
		return -1;
	return plan_check(plan, err);
}

static int check_step(const struct step *s, long page, struct dr_err *err)
{
	const char *t = s->target;
	size_t len = strlen(t);

	if (!path_within(t, PLAN_ROOT) || strstr(t, "/../") ||
		(len >= 3 && strcmp(t + len - 3, "/..") == 0))
		return dr_err_set(err, DR_ENGINE, "plan: %s leaves the world",
			t);
	if (s->data && strlen(s->data) >= (size_t)page)
		return dr_err_set(err, DR_ENGINE,
			"plan: the options of the mount on %s are too long", t);
	return 0;
}

int plan_check(const struct plan *plan, struct dr_err *err)
{
	unsigned placed[LAYER_COUNT] = {0};
	long page = sysconf(_SC_PAGESIZE);

	if (plan->n == 0 || plan->v[0].op != STEP_PLACE ||
		strcmp(plan->v[0].target, PLAN_ROOT) != 0)
		return dr_err_set(err, DR_ENGINE,
			"plan: it does not begin with the root");
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *s = &plan->v[i];

		if (check_step(s, page, err) < 0)
			return -1;
		if (s->op == STEP_PLACE)
			placed[s->layer]++;
		/* a mount would hide what was put below it before */
		for (size_t j = 0; s->op <= STEP_PLACE && j < i; j++)
			if (strcmp(plan->v[j].target, s->target) != 0 &&
				path_within(plan->v[j].target, s->target))
				return dr_err_set(err, DR_ENGINE,
					"plan: %s would hide %s", s->target,
					plan->v[j].target);
	}
	for (size_t i = 0; i < LAYER_COUNT; i++)
		if (placed[i] != 1)
			return dr_err_set(err, DR_ENGINE,
				"plan: a layer is placed %u times", placed[i]);
	return 0;
}
