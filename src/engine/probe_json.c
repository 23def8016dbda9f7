/* What "deskrun-init probe" prints, as an error for people; pure. */
#include "engine/host_slot.h"

#include "util/json.h"

int host_probe_error(const char *text, size_t len, struct dr_err *err)
{
	struct dr_err why = DR_ERR_INIT;
	auto_json json_t *j = json_parse(text, len, "probe", &why);
	auto_buf struct dr_buf missing;
	json_t *item;
	size_t i;

	dr_buf_init(&missing, 800);
	json_array_foreach(json_object_get(j, "missing"), i, item)
		dr_buf_addf(&missing, "%s%s", i ? "; " : "",
			json_is_string(item) ? json_string_value(item) : "?");
	if (missing.len == 0)
		return dr_err_set(err, DR_ENGINE,
			"worlds cannot be had on this machine: %.*s",
			(int)(len < 200 ? len : 200), text);
	return dr_err_set(err, DR_ENGINE,
		"worlds cannot be had on this machine: %s", missing.data);
}
