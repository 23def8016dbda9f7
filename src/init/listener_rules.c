#include "init/listener_rules.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "util/cleanup.h"

/*
 * Sources: actions/runner, src/Runner.Listener/Runner.cs,
 * BrokerMessageListener.cs and Program.cs.
 */
static const struct {
	const char *words;
	enum listener_said said;
} sayings[] = {
	{"Listening for Jobs", SAID_LISTENING},
	{"A session for this runner already exists", SAID_CONFLICT},
	{"registration has been deleted from the server", SAID_DELETED},
	{"The runner no longer exists on the server", SAID_DELETED},
	{"Runner connect error:", SAID_OFFLINE},
	{"Runner reconnected", SAID_ONLINE},
	{"Failed to create a session", SAID_ERROR},
	{"Failed to create session", SAID_ERROR},
	{"An error occurred:", SAID_ERROR},
	{"OAuth token has been revoked", SAID_ERROR},
	{"Fail to create and validate", SAID_ERROR},
	{"The application to execute does not exist", SAID_ERROR},
	{"Failed to load", SAID_ERROR},
};

enum listener_said listener_said(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(sayings); i++)
		if (strstr(line, sayings[i].words))
			return sayings[i].said;
	return SAID_NOTHING;
}

/* Constants.Runner.ReturnCode, and what shells and the kernel add */
static const struct {
	int code;
	enum listener_fate fate;
	const char *reason;
} rules[] = {
	{0, FATE_RESTART, "the Listener ended by itself"},
	{1, FATE_RESTART, "the Listener gave up"},
	{2, FATE_RESTART, "the Listener failed and may be tried again"},
	{3, FATE_RESTART_SOON, "the Listener wants to update itself"},
	{4, FATE_RESTART_SOON, "the Listener wants to update itself"},
	{5, FATE_RESTART, "GitHub still holds an earlier session"},
	{6, FATE_RESTART_SOON, "GitHub changed the runner's configuration"},
	{7, FATE_RESTART,
		"GitHub takes no jobs from this version of the runner"},
	{126, FATE_RESTART, "the Listener cannot be executed"},
	{127, FATE_RESTART, "the Listener cannot be executed"},
	{131, FATE_RESTART, "the runner's files are incomplete"},
};

int listener_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

enum listener_fate listener_rule(const struct listener_end *end,
	const char *said, char *reason, size_t size)
{
	int code = listener_code(end->status);

	/* exit 0 with its configuration deleted, 1 with it left in place */
	if ((code == 0 && !end->registered) || end->said_deleted) {
		snprintf(reason, size, "GitHub has deleted the registration");
		return FATE_DEREGISTERED;
	}
	if (end->asked) {
		snprintf(reason, size, "ended as asked");
		return FATE_ENDED;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].code != code || WIFSIGNALED(end->status))
			continue;
		snprintf(reason, size, "%s%s%s", rules[i].reason,
			*said ? ": " : "", said);
		return rules[i].fate;
	}
	if (WIFSIGNALED(end->status))
		snprintf(reason, size, "the Listener was killed by signal %d",
			WTERMSIG(end->status));
	else
		snprintf(reason, size, "the Listener ended with code %d%s%s",
			code, *said ? ": " : "", said);
	return FATE_RESTART;
}

uint64_t listener_backoff_ms(unsigned failures)
{
	uint64_t ms = 1000;

	while (failures > 1 && ms < LISTENER_BACKOFF_MAX_MS) {
		ms *= 2;
		failures--;
	}
	return ms < LISTENER_BACKOFF_MAX_MS ? ms : LISTENER_BACKOFF_MAX_MS;
}
