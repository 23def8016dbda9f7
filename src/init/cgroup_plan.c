/* How a world sees its cgroups; pure. */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "init/cgroup.h"
#include "init/plan.h"

#define QUIET (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define WHERE "/sys/fs/cgroup"

static unsigned long flags_of(const struct cgroups *c)
{
	/* a job that could write its limits would have none */
	return QUIET |
		(c->mode == SLOT_MODE_STANDARD ? (unsigned long)MS_RDONLY : 0);
}

static int plan_v1(const struct cgroups *c, const struct hierarchy *h,
	struct plan *plan, struct dr_err *err)
{
	const char *name = strrchr(h->point, '/');
	bool named = strncmp(h->controllers, "name=", 5) == 0;
	struct step dir = {.op = STEP_DIR, .mode = 0755};
	struct step s = {.op = STEP_MOUNT,
		.type = h->v2 ? "cgroup2" : "cgroup",
		.source = "cgroup",
		.flags = flags_of(c)};

	dir.target = s.target = plan_text(plan, err, "%s%s%s", PLAN_ROOT, WHERE,
		name);
	if (!s.target || plan_add(plan, &dir, err) < 0)
		return -1;
	if (!h->v2) {
		s.data = plan_text(plan, err, "%s%s", named ? "none," : "",
			h->controllers);
		if (!s.data)
			return -1;
	}
	return plan_add(plan, &s, err);
}

/* "cpu" for those who look for it, where it is mounted as "cpu,cpuacct" */
static int plan_links(const struct hierarchy *h, struct plan *plan,
	struct dr_err *err)
{
	const char *name = strrchr(h->point, '/') + 1;
	const char *rest = h->controllers;

	if (h->v2 || !strchr(h->controllers, ','))
		return 0;
	while (*rest) {
		int n = (int)strcspn(rest, ",");
		struct step s = {.op = STEP_LINK};

		s.source = plan_text(plan, err, "%s", name);
		s.target = plan_text(plan, err, "%s%s/%.*s", PLAN_ROOT, WHERE,
			n, rest);
		if (!s.source || !s.target)
			return -1;
		if (strcmp(strrchr(s.target, '/') + 1, name) != 0 &&
			plan_add(plan, &s, err) < 0)
			return -1;
		rest += n + (rest[n] == ',');
	}
	return 0;
}

int cgroups_plan(const struct cgroups *c, struct plan *plan, struct dr_err *err)
{
	static const struct step tmpfs = {.op = STEP_MOUNT,
		.type = "tmpfs",
		.source = "cgroup",
		.target = PLAN_ROOT WHERE,
		.flags = QUIET,
		.data = "mode=755,size=64k"};
	const struct step unified = {.op = STEP_MOUNT,
		.type = "cgroup2",
		.source = "cgroup",
		.target = PLAN_ROOT WHERE,
		.flags = flags_of(c)};
	bool any = false;

	for (size_t i = 0; i < c->n; i++) {
		const struct hierarchy *h = &c->v[i];

		if (!h->used)
			continue;
		if (h->v2 && strcmp(h->point, WHERE) == 0)
			return plan_add(plan, &unified, err);
		if (!any && plan_add(plan, &tmpfs, err) < 0)
			return -1;
		any = true;
		if (plan_v1(c, h, plan, err) < 0 ||
			plan_links(h, plan, err) < 0)
			return -1;
	}
	return 0;
}
