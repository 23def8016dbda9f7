#include "runner/start.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/converge.h"
#include "runner/release.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/strv.h"

/* The Listener waits 4 minutes for a session conflict. */
#define STUCK_S 330
#define CA_MAX (4 * 1024 * 1024)
#define CA_NAME "ca.pem"

static const char *const proxy_variables[] = {"http_proxy", "https_proxy",
	"no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
	"ALL_PROXY", NULL};

/* Where distributions keep what they trust */
static const char *const system_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
	"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
	"/etc/ssl/ca-bundle.pem",	      /* SUSE */
};

/*
 * SSL_CERT_FILE and its like replace the system's bundle, where ca_file adds
 * to it: so one file with both is made for Listener and jobs.
 */
static int make_ca(const struct session *s, char **path, struct dr_err *err)
{
	const char *own = s->config->github.ca_file;
	struct dr_err ignored = DR_ERR_INIT;
	auto_buf struct dr_buf bundle;

	dr_buf_init(&bundle, CA_MAX);
	if (!own)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(system_bundles); i++)
		if (fs_read(AT_FDCWD, system_bundles[i], &bundle, &ignored) ==
			0)
			break;
	dr_buf_addstr(&bundle, "\n");
	if (fs_read(AT_FDCWD, own, &bundle, err) < 0) {
		err->code = DR_CONFIG;
		return dr_err_prefix(err, "github.ca_file");
	}
	if (fs_write_atomic(s->home.fd, CA_NAME, bundle.data, bundle.len, 0644,
		    err) < 0)
		return -1;
	if (asprintf(path, "%s/" CA_NAME, s->config->data) < 0)
		return dr_err_oom(err);
	return 0;
}

static int admit_pools(const struct session *s, struct hub *hub,
	struct dr_err *err)
{
	const struct config_pool *last = NULL;

	/* the roster has the runners of a pool together */
	for (size_t i = 0; i < s->roster.n; i++) {
		const struct config_pool *pool = s->roster.v[i].pool;

		if (!pool || pool == last)
			continue;
		last = pool;
		if (hub_admit(hub, pool, err) < 0)
			return -1;
	}
	return 0;
}

static const char *any_target(const struct session *s)
{
	for (size_t i = 0; i < s->roster.n; i++)
		if (s->roster.v[i].pool)
			return s->roster.v[i].pool->target;
	return s->config->pools[0].target;
}

static int bring(const struct start_request *r, struct hub *hub,
	const struct release *release, struct dr_err *err)
{
	struct session *s = r->session;
	auto_free char *layers = engine_host_layers(s->engine, err);
	auto_free char *ca = NULL;
	auto_strv char **proxies = proc_env_allowed(proxy_variables);
	struct spec_common common = {
		.config = s->config,
		.version = release->version,
		.tree = release->tree,
		.layers = layers,
		.environ = proxies,
	};
	const struct converge c = {
		.engine = s->engine,
		.hub = hub,
		.roster = &s->roster,
		.common = &common,
		.goal = GOAL_RUNNING,
		.rest = GOAL_GONE,
		.stuck_s = STUCK_S,
		.timeout_s = r->timeout_s,
		.interrupted = r->interrupted,
	};

	if (!layers)
		return -1;
	if (!proxies)
		return dr_err_oom(err);
	if (make_ca(s, &ca, err) < 0)
		return -1;
	common.ca_file = ca;
	if (hub_look(hub, &s->roster, err) < 0)
		return -1;
	return converge(&c, err);
}

int start_runners(const struct start_request *r, struct dr_err *err)
{
	struct session *s = r->session;
	auto_hub struct hub *hub = hub_new(s->config, r->interrupted, err);
	auto_release struct release release = {0};
	const struct release_request request = {
		.config = s->config,
		.home = &s->home,
		.hub = hub,
		.target = any_target(s),
		.tarball = r->tarball,
		.interrupted = r->interrupted,
	};

	if (!hub || s->engine->ops->check(s->engine, err) < 0 ||
		admit_pools(s, hub, err) < 0 ||
		release_install(&request, &release, err) < 0)
		return -1;
	return bring(r, hub, &release, err);
}
