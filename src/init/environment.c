#include "init/environment.h"

#include <string.h>

#include "init/ground.h"
#include "init/handover.h"
#include "util/cleanup.h"
#include "util/strv.h"

#define DEFAULT_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * Set for the Listener, and taken away again from the Worker where the pool
 * does not say them itself:
 * - exit code 7 tells a version that GitHub no longer takes from other ends;
 * - .NET leaves sockets in the machine's /tmp when it is killed.
 */
static const struct {
	const char *name, *value;
} listener_own[] = {
	{"ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE", "1"},
	{"DOTNET_EnableDiagnostics", "0"},
};

static int set_default(char ***env, const char *name, const char *value)
{
	return strv_env_get(*env, name) ? 0 : strv_env_set(env, name, value);
}

static int set_ca(char ***env, const char *path)
{
	if (strv_env_set(env, "SSL_CERT_FILE", path) < 0)
		return -1;
	return strv_env_set(env, "NODE_EXTRA_CA_CERTS", path);
}

static int fill_listener(char ***env, const struct slot_spec *spec,
	const char *slot_dir)
{
	auto_free char *home = NULL;

	/* the Listener writes below its home, which is not the machine's */
	if (asprintf(&home, "%s/" SLOT_ROOT, slot_dir) < 0)
		return -1;
	if (strv_env_set(env, "HOME", home) < 0 ||
		set_default(env, "PATH", DEFAULT_PATH) < 0 ||
		strv_env_set(env, HANDOVER_ENV, slot_dir) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(listener_own); i++)
		if (set_default(env, listener_own[i].name,
			    listener_own[i].value) < 0)
			return -1;
	return spec->ca_file ? set_ca(env, spec->ca_file) : 0;
}

char **environment_listener(const struct slot_spec *spec, const char *slot_dir)
{
	char **env = strv_dup(spec->env);

	if (env && fill_listener(&env, spec, slot_dir) == 0)
		return env;
	strv_free(env);
	return NULL;
}

char **environment_config(const struct slot_spec *spec, const char *slot_dir,
	const char *token)
{
	char **env = environment_listener(spec, slot_dir);

	if (env &&
		strv_env_set(&env, "ACTIONS_RUNNER_INPUT_TOKEN", token) == 0 &&
		strv_env_set(&env, "RUNNER_ALLOW_RUNASROOT", "1") == 0)
		return env;
	strv_free(env);
	return NULL;
}

/* Whether the Worker inherits this variable of the shim's. */
static bool inherited(const struct slot_spec *spec, const char *var)
{
	if (strncmp(var, "DESKRUN_", strlen("DESKRUN_")) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(listener_own); i++) {
		size_t len = strlen(listener_own[i].name);

		if (strncmp(var, listener_own[i].name, len) == 0 &&
			var[len] == '=' &&
			!strv_env_get(spec->env, listener_own[i].name))
			return false;
	}
	return true;
}

static int fill_worker(char ***env, const struct slot_spec *spec)
{
	if (strv_env_set(env, "HOME", "/root") < 0 ||
		strv_env_set(env, "ACTIONS_RUNNER_HOOK_JOB_STARTED",
			WORLD_OWN_DIR "/job-started.sh") < 0 ||
		strv_env_set(env, "ACTIONS_RUNNER_HOOK_JOB_COMPLETED",
			WORLD_OWN_DIR "/job-completed.sh") < 0)
		return -1;
	return spec->ca_file ? set_ca(env, WORLD_OWN_DIR "/ca.pem") : 0;
}

char **environment_worker(const struct slot_spec *spec, char *const *shim)
{
	char **env = strv_dup(NULL);

	for (; env && *shim; shim++) {
		if (!inherited(spec, *shim) || strv_add(&env, *shim) == 0)
			continue;
		strv_free(env);
		return NULL;
	}
	if (env && fill_worker(&env, spec) == 0)
		return env;
	strv_free(env);
	return NULL;
}
