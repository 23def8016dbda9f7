#include "runner/release.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/tree.h"
#include "archive/unpack.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#define TARBALL_MAX (4ull << 30)
/* Plain lines: often enough to be seen, seldom enough to be read. */
#define PROGRESS_EVERY_NS 2000000000u

void release_clear(struct release *release)
{
	free(release->version);
	free(release->tree);
	*release = (struct release){0};
}

struct progress {
	const char *doing, *what;
	uint64_t last_ns;
};

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
	struct progress *p = arg;
	uint64_t now = clock_mono_ns();

	if (now - p->last_ns < PROGRESS_EVERY_NS)
		return;
	p->last_ns = now;
	if (total > 0)
		log_info("%s %s: %llu of %llu MB", p->doing, p->what,
			(unsigned long long)(done >> 20),
			(unsigned long long)(total >> 20));
	else
		log_info("%s %s: %llu MB", p->doing, p->what,
			(unsigned long long)(done >> 20));
}

char *release_version_of(const char *file)
{
	const char *base = strrchr(file, '/');
	const char *at = strrchr(base ? base : file, '-');
	size_t len = at ? strspn(at + 1, "0123456789.") : 0;

	/* "-2.336.0.tar.gz": the dot before "tar" was counted as well */
	if (len > 1 && at[len] == '.')
		len--;
	if (len == 0 || strcmp(at + 1 + len, ".tar.gz") != 0)
		return NULL;
	return strndup(at + 1, len);
}

/* 1 when <data>/runner/<version> is there and whole, 0 when it is not there. */
static int installed(const struct release_request *r, struct release *release,
	struct dr_err *err)
{
	auto_close int fd = -1;

	if (asprintf(&release->tree, "%s/runner/%s", r->config->data,
		    release->version) < 0)
		return dr_err_oom(err);
	fd = open(release->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return dr_err_errno(err, DR_FAILED, "open %s", release->tree);
	if (tree_check(fd, release->tree, err) < 0)
		return dr_err_prefix(err, "runner %s cannot be used",
			release->version);
	return 1;
}

static int unpack(const struct release_request *r, int fd, const char *archive,
	const char *sha256, struct release *release, struct dr_err *err)
{
	struct progress progress = {"unpacking", archive, clock_mono_ns()};
	auto_close int dir = -1;
	struct unpack_request request = {
		.fd = fd,
		.archive = archive,
		.sha256 = sha256,
		.name = release->version,
		.progress = show_progress,
		.progress_arg = &progress,
		.interrupted = r->interrupted,
	};

	if (mkdirat(r->home->fd, "runner", 0755) < 0 && errno != EEXIST)
		return dr_err_errno(err, DR_FAILED, "create %s/runner",
			r->config->data);
	dir = openat(r->home->fd, "runner",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return dr_err_errno(err, DR_FAILED, "open %s/runner",
			r->config->data);
	request.dirfd = dir;
	log_info("unpacking %s", archive);
	if (unpack_tarball(&request, err) < 0)
		return -1;
	free(release->tree);
	return installed(r, release, err) < 0 ? -1 : 0;
}

static int from_file(const struct release_request *r, struct release *release,
	struct dr_err *err)
{
	auto_close int fd = open(r->tarball, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return dr_err_errno(err,
			errno == ENOENT ? DR_NOT_FOUND : DR_FAILED,
			"open tarball %s", r->tarball);
	return unpack(r, fd, r->tarball, NULL, release, err);
}

static int download(const struct release_request *r,
	const struct github_release *offer, struct release *release,
	struct dr_err *err)
{
	struct progress progress = {
		"downloading", offer->filename, clock_mono_ns()};
	/* without a name: whatever ends us leaves nothing behind */
	auto_close int fd = openat(r->home->fd, ".",
		O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	auto_http_response struct http_response response;
	struct http_download request = {
		.url = offer->url,
		.token = offer->token,
		.fd = fd,
		.max = TARBALL_MAX,
		.progress = show_progress,
		.progress_arg = &progress,
	};

	http_response_init(&response);
	if (fd < 0)
		return dr_err_errno(err, DR_FAILED, "create a file in %s",
			r->config->data);
	log_info("downloading %s", offer->filename);
	if (http_download(hub_http(r->hub), &request, &response, err) < 0)
		return dr_err_prefix(err, "download %s", offer->filename);
	if (response.status != 200)
		return dr_err_set(err, DR_NETWORK,
			"download %s: the server answered %d", offer->filename,
			response.status);
	if (!offer->sha256)
		log_warn("GitHub did not tell the SHA-256 of %s: it is used "
			 "unverified",
			offer->filename);
	return unpack(r, fd, offer->filename, offer->sha256, release, err);
}

static int from_github(const struct release_request *r,
	struct github_release *offer, struct release *release,
	struct dr_err *err)
{
	struct github *gh = hub_target(r->hub, r->target, err);
	int there;

	if (!gh ||
		github_find_release(gh, r->config->runner_version, offer, err) <
			0)
		return -1;
	free(release->version);
	release->version = strdup(offer->version);
	if (!release->version)
		return dr_err_oom(err);
	free(release->tree);
	there = installed(r, release, err);
	if (there != 0)
		return there < 0 ? -1 : 0;
	return download(r, offer, release, err);
}

/* The version, as far as it is known without asking anybody. */
static int known_version(const struct release_request *r,
	struct release *release, struct dr_err *err)
{
	const char *pinned = r->config->runner_version;

	*release = (struct release){0};
	if (r->tarball)
		release->version = release_version_of(r->tarball);
	if (r->tarball && !release->version && !pinned)
		return dr_err_set(err, DR_USAGE,
			"%s: the name does not say the version; call it "
			"actions-runner-linux-%s-VERSION.tar.gz, or set "
			"\"runner: {version: …}\"",
			r->tarball, github_machine());
	if (!release->version && pinned && !(release->version = strdup(pinned)))
		return dr_err_oom(err);
	return 0;
}

int release_install(const struct release_request *r, struct release *release,
	struct dr_err *err)
{
	struct github_release offer = {0};
	int rc;

	if (known_version(r, release, err) < 0)
		return -1;
	rc = release->version ? installed(r, release, err) : 0;
	if (rc == 0 && r->tarball) {
		rc = from_file(r, release, err);
	} else if (rc == 0) {
		rc = from_github(r, &offer, release, err);
		github_release_clear(&offer);
	}
	if (rc < 0)
		release_clear(release);
	return rc < 0 ? -1 : 0;
}
