#include "config/checks.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_SET LETTERS DIGITS "._-"

/* Whether the first len characters are of a set, and at most max. */
static bool made_of(const char *text, size_t len, const char *set, size_t max)
{
	return len > 0 && len <= max && strspn(text, set) >= len;
}

bool check_name(const char *text)
{
	/* they become names of directories */
	return made_of(text, strlen(text), NAME_SET, CONFIG_NAME_MAX) &&
		text[0] != '.' && text[0] != '-';
}

bool check_template(const char *text)
{
	static const char *const places[] = {"{host}", "{pool}", "{n}"};

	if (*text == '\0' || *text == '.' || *text == '-' ||
		strlen(text) > CONFIG_NAME_MAX)
		return false;
	while (*text) {
		size_t step = strspn(text, NAME_SET);

		for (size_t i = 0; i < ARRAY_SIZE(places) && step == 0; i++)
			if (strncmp(text, places[i], strlen(places[i])) == 0)
				step = strlen(places[i]);
		if (step == 0)
			return false;
		text += step;
	}
	return true;
}

/* Users, organisations and enterprises; managed users have an underscore. */
static bool is_account(const char *text, size_t len)
{
	return made_of(text, len, LETTERS DIGITS "-_", 100) && text[0] != '-';
}

enum config_target check_target_kind(const char *text)
{
	if (strncmp(text, "enterprises/", strlen("enterprises/")) == 0)
		return CONFIG_TARGET_ENTERPRISE;
	return strchr(text, '/') ? CONFIG_TARGET_REPOSITORY
				 : CONFIG_TARGET_ORGANISATION;
}

bool check_target(const char *text)
{
	const char *slash = strchr(text, '/');
	const char *rest = slash ? slash + 1 : "";

	switch (check_target_kind(text)) {
	case CONFIG_TARGET_ENTERPRISE:
		return is_account(rest, strlen(rest));
	case CONFIG_TARGET_REPOSITORY:
		return is_account(text, (size_t)(slash - text)) &&
			made_of(rest, strlen(rest), NAME_SET, 100) &&
			strcmp(rest, ".") != 0 && strcmp(rest, "..") != 0;
	case CONFIG_TARGET_ORGANISATION:
		break;
	}
	return is_account(text, strlen(text));
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

bool check_group(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= 256 && !has_control(text) && text[0] != ' ' &&
		text[len - 1] != ' ';
}

bool check_label(const char *text)
{
	/* config.sh takes them in one argument, divided by commas */
	return *text && strlen(text) <= 256 && !has_control(text) &&
		!strpbrk(text, ", ");
}

bool check_label_is_fixed(const char *text)
{
#if defined(__x86_64__)
	const char *arch = "X64";
#elif defined(__aarch64__)
	const char *arch = "ARM64";
#else
#error "GitHub has no runner for this architecture"
#endif
	/* GitHub compares labels without regard to case */
	return strcasecmp(text, "self-hosted") == 0 ||
		strcasecmp(text, "linux") == 0 || strcasecmp(text, arch) == 0;
}

static bool is_loopback(const char *host, size_t len)
{
	char name[64];
	struct in_addr v4;

	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, name, &v4) == 1 &&
		(ntohl(v4.s_addr) >> 24) == 127;
}

static bool is_port(const char *text)
{
	unsigned port = 0;

	if (*text != ':')
		return *text == '\0';
	if (!made_of(text + 1, strlen(text + 1), DIGITS, 5))
		return false;
	for (text++; *text; text++)
		port = port * 10 + (unsigned)(*text - '0');
	return port > 0 && port < 65536;
}

bool check_url(const char *text)
{
	bool https = strncasecmp(text, "https://", 8) == 0;
	bool http = strncasecmp(text, "http://", 7) == 0;
	char host[272] = "";
	const char *set;
	size_t len;

	if ((!https && !http) || strlen(text) >= sizeof(host))
		return false;
	strcpy(host, text + (https ? 8 : 7));
	len = strlen(host);
	if (len > 0 && host[len - 1] == '/') /* as browsers give it */
		host[len - 1] = '\0';
	/* an address in brackets has colons, a name has none */
	len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	set = *host == '[' ? "[]:" DIGITS "abcdefABCDEF" : LETTERS DIGITS ".-";
	if (len > strlen(host) || !made_of(host, len, set, 255))
		return false;
	return is_port(host + len) && (https || is_loopback(host, len));
}

bool check_runner_version(const char *text)
{
	int dots = 0;

	if (strcmp(text, "latest") == 0)
		return true;
	for (size_t len; dots < 3; dots++, text += len + (text[len] == '.')) {
		len = strspn(text, DIGITS);
		if (len == 0 || len > 6 || text[len] != (dots < 2 ? '.' : '\0'))
			return false;
	}
	return true;
}

bool check_variable(const char *text)
{
	return made_of(text, strlen(text), LETTERS DIGITS "_", 256) &&
		!strchr(DIGITS, text[0]);
}

bool check_variable_is_ours(const char *text)
{
	static const char *const beginnings[] = {
		"ACTIONS_RUNNER_HOOK_", "ACTIONS_RUNNER_INPUT_", "DESKRUN_"};

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (strncmp(text, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

bool check_path(const char *text)
{
	return *text && strlen(text) < 4096 && !has_control(text);
}

bool check_data(const char *text)
{
	return check_path(text) && !strpbrk(text, ",:\\") &&
		strcmp(text, "/") != 0;
}
