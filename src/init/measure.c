/* What a living world has so far, for the hook: bounded in time. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/mount_count.h"
#include "init/world_child.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fs.h"

/* Directories deeper than this are not looked into. */
#define MAX_DEPTH 64
/* Files between two looks at the clock */
#define STRIDE 32

struct survey {
	struct world_usage *usage;
	uint64_t until;
	unsigned steps;
};

int64_t mount_count(int fd, uint64_t until)
{
	char buf[4096];
	int64_t lines = 0;
	ssize_t n;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
		if (until && clock_mono_ns() > until)
			break;
	}
	return lines;
}

static bool out_of_time(struct survey *s)
{
	if (!s->usage->more && ++s->steps % STRIDE == 0)
		s->usage->more = clock_mono_ns() > s->until;
	return s->usage->more;
}

static void survey_dir(struct survey *s, int at, const char *name, int depth)
{
	auto_closedir DIR *dir = NULL;
	/* the job is still there, and renames as it likes */
	int fd = fs_open_beneath(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		0);
	struct dirent *e;
	struct stat st;

	if (fd < 0 || !(dir = fdopendir(fd))) {
		cleanup_close(&fd);
		return;
	}
	while (!out_of_time(s) && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 ||
			strcmp(e->d_name, "..") == 0 ||
			fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			s->usage->files++;
			s->usage->bytes += (uint64_t)st.st_blocks * 512;
		} else if (depth < MAX_DEPTH) {
			survey_dir(s, fd, e->d_name, depth + 1);
		} else {
			s->usage->more = true;
		}
	}
}

void world_measure(const struct ground *g, const struct world *w,
	unsigned budget_us, struct world_usage *usage)
{
	struct survey s = {.usage = usage,
		.until = clock_mono_ns() + budget_us * UINT64_C(1000)};
	int64_t mounts;
	char name[80];

	*usage = (struct world_usage){0};
	usage->processes = world_count_processes(w->proc_fd);
	mounts = mount_count(w->mounts_fd, s.until);
	if (mounts > w->base_mounts)
		usage->mounts = mounts - w->base_mounts;
	for (size_t i = 0; i < g->bases.n; i++) {
		snprintf(name, sizeof(name), "%s/%zu/u", w->name, i);
		survey_dir(&s, g->scratch_fd, name, 0);
	}
	snprintf(name, sizeof(name), "%s/runner/u", w->name);
	survey_dir(&s, g->scratch_fd, name, 0);
	snprintf(name, sizeof(name), "%s/docker", w->name);
	survey_dir(&s, g->scratch_fd, name, 0);
	snprintf(name, sizeof(name), "%s/containers", w->name);
	survey_dir(&s, g->scratch_fd, name, 0);
}
