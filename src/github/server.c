#include "github/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* GitHub allows 39 for accounts, 100 for repositories, 60 for enterprises. */
#define NAME_LONGEST 100

static bool ends_with(const char *s, const char *suffix)
{
	size_t len = strlen(s), tail = strlen(suffix);

	return len > tail && strcmp(s + len - tail, suffix) == 0;
}

static bool is_hosted(const char *host)
{
	return strcmp(host, "github.com") == 0 ||
		strcmp(host, "www.github.com") == 0 ||
		strcmp(host, "github.localhost") == 0 ||
		ends_with(host, ".ghe.localhost") ||
		ends_with(host, ".ghe.com");
}

/* A new string, or NULL without memory. */
__attribute__((format(printf, 1, 2))) static char *text(const char *fmt, ...)
{
	char *out = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&out, fmt, ap);
	va_end(ap);
	return len < 0 ? NULL : out;
}

static char *make_api(const struct url_parts *at)
{
	const char *host = at->host;
	const char *scheme = at->https ? "https" : "http";
	bool v6 = strchr(host, ':') != NULL;
	char port[16] = "";

	if (at->port_given)
		snprintf(port, sizeof(port), ":%u", at->port);
	if (!is_hosted(host))
		return text("%s://%s%s%s%s/api/v3", scheme, v6 ? "[" : "", host,
			v6 ? "]" : "", port);
	if (strcmp(host, "www.github.com") == 0)
		host += strlen("www.");
	return text("%s://api.%s%s", scheme, host, port);
}

/* What needs no escaping in a URL, and does not climb there */
static bool is_name(const char *s, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	size_t dots = strspn(s, ".");

	return len > 0 && len <= NAME_LONGEST && dots < len &&
		strspn(s, allowed) >= len;
}

/* Whether the target is one; scope stays NULL without memory. */
static bool make_scope(struct server *server)
{
	static const char enterprises[] = "enterprises/";
	const char *target = server->target;
	const char *slash = strchr(target, '/');
	const char *before = "repos/";
	const char *name = target;

	if (strncmp(target, enterprises, strlen(enterprises)) == 0) {
		server->kind = SERVER_ENTERPRISE;
		before = "";
		name = slash + 1;
	} else if (!slash) {
		server->kind = SERVER_ORGANISATION;
		before = "orgs/";
	} else {
		server->kind = SERVER_REPOSITORY;
		if (!is_name(target, (size_t)(slash - target)))
			return false;
		name = slash + 1;
	}
	if (!is_name(name, strlen(name)))
		return false;
	server->scope = text("/%s%s", before, target);
	return true;
}

static int fill(const char *url, const char *target, struct server *server,
	struct dr_err *err)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	server->target = strdup(target);
	server->api = make_api(&server->at);
	server->runner_url = text("%.*s/%s", (int)len, url, target);
	if (!server->target || !server->api || !server->runner_url)
		return dr_err_oom(err);
	if (!make_scope(server))
		return dr_err_set(err, DR_CONFIG,
			"target %.128s: neither owner/repository, nor an "
			"organisation, nor enterprises/NAME",
			target);
	if (!server->scope)
		return dr_err_oom(err);
	return url_parse(server->api, &server->at, err);
}

int server_parse(const char *url, const char *target, struct server *server,
	struct dr_err *err)
{
	const char *rest = strstr(url, "://");

	*server = (struct server){0};
	if (url_parse(url, &server->at, err) < 0)
		return dr_err_prefix(err, "github.url");
	rest = rest ? strpbrk(rest + 3, "/?#") : NULL;
	if (rest && strspn(rest, "/") != strlen(rest))
		return dr_err_set(err, DR_CONFIG,
			"github.url: a server is wanted, without a path; "
			"what is on it belongs into target");
	if (!server->at.https && !server->at.loopback)
		return dr_err_set(err, DR_CONFIG,
			"github.url: plain http is for loopback addresses "
			"alone, use https://%s",
			server->at.host);
	if (fill(url, target, server, err) < 0) {
		server_clear(server);
		return -1;
	}
	return 0;
}

void server_clear(struct server *server)
{
	free(server->api);
	free(server->runner_url);
	free(server->target);
	free(server->scope);
	*server = (struct server){0};
}
