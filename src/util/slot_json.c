/* The slot's files as JSON: pure, text in and structs out. */
#include "util/slot.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/slot_job_json.h"
#include "util/strv.h"

static int text_out(const json_t *j, struct dr_buf *out)
{
	json_write(j, out);
	return dr_buf_addstr(out, "\n");
}

/* spec.json */

static void parse_limits(const json_t *j, struct slot_limits *limits)
{
	limits->cpus_milli = json_int(j, "cpus_milli", 0);
	limits->memory = json_int(j, "memory", 0);
	limits->pids = json_int(j, "pids", 0);
}

static int require(const struct slot_spec *spec, struct dr_err *err)
{
	const struct {
		const char *name, *value;
		bool absolute;
	} needed[] = {
		{"runner", spec->runner, false},
		{"url", spec->url, false},
		{"version", spec->version, false},
		{"tree", spec->tree, true},
		{"layers", spec->layers, true},
		{"scratch", spec->scratch, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!needed[i].value || !*needed[i].value)
			return dr_err_set(err, DR_FAILED,
				"%s: \"%s\" is missing", SLOT_SPEC,
				needed[i].name);
		if (needed[i].absolute && needed[i].value[0] != '/')
			return dr_err_set(err, DR_FAILED,
				"%s: \"%s\" is not an absolute path", SLOT_SPEC,
				needed[i].name);
	}
	if (!spec->labels || !spec->masks || !spec->expose || !spec->env)
		return dr_err_oom(err);
	return 0;
}

int slot_spec_parse(const char *text, size_t len, struct slot_spec *spec,
	struct dr_err *err)
{
	auto_json json_t *j = json_parse(text, len, SLOT_SPEC, err);
	const char *mode;

	*spec = (struct slot_spec){0};
	if (!j)
		return -1;
	mode = json_str(j, "mode", "");
	if (slot_mode_parse(mode, &spec->mode) < 0)
		return dr_err_set(err, DR_FAILED, "%s: unknown mode \"%s\"",
			SLOT_SPEC, mode);
	spec->runner = json_strdup(j, "runner");
	spec->pool = json_strdup(j, "pool");
	spec->url = json_strdup(j, "url");
	spec->group = json_strdup(j, "group");
	spec->labels = json_strv(j, "labels");
	spec->version = json_strdup(j, "version");
	spec->tree = json_strdup(j, "tree");
	spec->layers = json_strdup(j, "layers");
	spec->scratch = json_strdup(j, "scratch");
	spec->host = json_flag(j, "host", false);
	spec->masks = json_strv(j, "masks");
	spec->expose = json_strv(j, "expose");
	parse_limits(json_object_get(j, "limits"), &spec->limits);
	spec->env = json_strv(j, "env");
	spec->ca_file = json_strdup(j, "ca_file");
	if (require(spec, err) < 0) {
		slot_spec_clear(spec);
		return -1;
	}
	return 0;
}

int slot_spec_write(const struct slot_spec *spec, struct dr_buf *out)
{
	auto_json json_t *j = json_object();
	json_t *limits = json_object();

	json_put_str(j, "runner", spec->runner);
	json_put_str(j, "pool", spec->pool);
	json_put_str(j, "url", spec->url);
	json_put_str(j, "group", spec->group);
	json_put_strv(j, "labels", spec->labels);
	json_put_str(j, "version", spec->version);
	json_put_str(j, "tree", spec->tree);
	json_put_str(j, "layers", spec->layers);
	json_put_str(j, "scratch", spec->scratch);
	json_put_str(j, "mode", slot_mode_name(spec->mode));
	json_put_flag(j, "host", spec->host);
	json_put_strv(j, "masks", spec->masks);
	json_put_strv(j, "expose", spec->expose);
	json_put_int(limits, "cpus_milli", spec->limits.cpus_milli);
	json_put_int(limits, "memory", spec->limits.memory);
	json_put_int(limits, "pids", spec->limits.pids);
	json_object_set_new(j, "limits", limits);
	json_put_strv(j, "env", spec->env);
	json_put_str(j, "ca_file", spec->ca_file);
	return text_out(j, out);
}

/* desired.json */

int slot_desired_parse(const char *text, size_t len,
	struct slot_desired *desired, struct dr_err *err)
{
	auto_json json_t *j = json_parse(text, len, SLOT_DESIRED, err);
	const char *want;

	if (!j)
		return -1;
	want = json_str(j, "want", "");
	for (int i = SLOT_RUN; i <= SLOT_NOW; i++) {
		if (strcmp(want, slot_want_name((enum slot_want)i)) == 0) {
			desired->want = (enum slot_want)i;
			desired->generation = json_int(j, "generation", 0);
			return 0;
		}
	}
	return dr_err_set(err, DR_FAILED, "%s: unknown \"want\": \"%s\"",
		SLOT_DESIRED, want);
}

int slot_desired_write(const struct slot_desired *desired, struct dr_buf *out)
{
	auto_json json_t *j = json_object();

	json_put_str(j, "want", slot_want_name(desired->want));
	json_put_int(j, "generation", desired->generation);
	return text_out(j, out);
}

/* registration.json and the runner's .runner */

static int registration(const char *text, size_t len, const char *file,
	const char *keys[3], struct slot_registration *r, struct dr_err *err)
{
	auto_json json_t *j = json_parse(text, len, file, err);

	*r = (struct slot_registration){0};
	if (!j)
		return -1;
	r->id = json_int(j, keys[0], 0);
	r->name = json_strdup(j, keys[1]);
	r->url = json_strdup(j, keys[2]);
	if (r->id > 0 && r->name && r->url)
		return 0;
	slot_registration_clear(r);
	return dr_err_set(err, DR_FAILED, "%s: no \"%s\", \"%s\" or \"%s\"",
		file, keys[0], keys[1], keys[2]);
}

int slot_registration_parse(const char *text, size_t len,
	struct slot_registration *r, struct dr_err *err)
{
	const char *keys[3] = {"id", "name", "url"};

	return registration(text, len, SLOT_REGISTRATION, keys, r, err);
}

int slot_runner_file_parse(const char *text, size_t len,
	struct slot_registration *r, struct dr_err *err)
{
	const char *keys[3] = {"agentId", "agentName", "gitHubUrl"};

	return registration(text, len, ".runner", keys, r, err);
}

int slot_registration_write(const struct slot_registration *r,
	struct dr_buf *out)
{
	auto_json json_t *j = json_object();

	json_put_int(j, "id", r->id);
	json_put_str(j, "name", r->name);
	json_put_str(j, "url", r->url);
	return text_out(j, out);
}

/* receipts.jsonl */

static void put_time(json_t *j, const char *key, uint64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(wall_ms, text);
	json_put_str(j, key, text);
}

void slot_job_put(json_t *j, const struct slot_job *job)
{
	json_put_str(j, "repository", job->repository);
	json_put_str(j, "run_id", job->run_id);
	json_put_str(j, "run_attempt", job->run_attempt);
	json_put_str(j, "workflow", job->workflow);
	json_put_str(j, "job", job->job);
}

int slot_receipt_write(const struct slot_receipt *r, struct dr_buf *out)
{
	auto_json json_t *j = json_object();

	json_put_str(j, "runner", r->runner);
	json_put_str(j, "world", r->world);
	if (r->job)
		slot_job_put(j, r->job);
	json_put_str(j, "result", r->result);
	json_put_str(j, "isolation", r->isolation);
	json_put_str(j, "mode", r->mode);
	put_time(j, "started_at", r->started_ms);
	put_time(j, "ended_at", r->ended_ms);
	json_object_set_new(j, "waited_ms",
		json_real((double)r->waited_us / 1000.0));
	json_put_int(j, "files", (int64_t)r->files);
	json_put_int(j, "bytes", (int64_t)r->bytes);
	json_put_int(j, "processes", r->processes);
	json_put_int(j, "mounts", r->mounts);
	json_put_strv(j, "residue", r->residue);
	if (r->recovered)
		json_put_flag(j, "recovered", true);
	json_put_str(j, "verdict", r->verdict);
	return text_out(j, out);
}
