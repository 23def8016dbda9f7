#include "init/probe.h"

#include "util/json.h"
#include "util/strv.h"

static void put(json_t *j, const char *key, char *const *v)
{
	json_t *array = json_array();

	for (; v && *v; v++)
		json_array_append_new(array, json_string(*v));
	json_object_set_new(j, key, array);
}

int probe_write(const struct probe_result *r, struct dr_buf *out)
{
	auto_json json_t *j = json_object();
	bool ok = strv_len(r->missing) == 0;

	json_put_flag(j, "ok", ok);
	json_put_str(j, "isolation", ok ? "world" : "none");
	put(j, "missing", r->missing);
	put(j, "notes", r->notes);
	return json_write(j, out);
}
