#include "init/hook_message.h"

#include <stdio.h>

void hook_format_bytes(uint64_t bytes, char *out, size_t size)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes / 1024.0;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(out, size, "%llu B", (unsigned long long)bytes);
		return;
	}
	while (value >= 1024.0 && unit < 3) {
		value /= 1024.0;
		unit++;
	}
	snprintf(out, size, "%.1f %s", value, units[unit]);
}

int hook_greeting(const struct hook_receipt *r, struct dr_buf *out)
{
	return dr_buf_addf(out,
		"deskrun: this job has a world of its own\n"
		"  runner     %s\n"
		"  world      %s\n"
		"  isolation  %s\n"
		"  mode       %s\n",
		r->runner, r->world, r->isolation, r->mode);
}

int hook_receipt(const struct hook_receipt *r, struct dr_buf *out)
{
	char size[32];

	hook_format_bytes(r->usage.bytes, size, sizeof(size));
	return dr_buf_addf(out,
		"deskrun: wipe receipt\n"
		"  runner     %s\n"
		"  world      %s\n"
		"  isolation  %s\n"
		"  mode       %s\n"
		"  files      %s%llu (%s)\n"
		"  processes  %lld\n"
		"  mounts     %lld\n"
		"All of this is wiped when the job ends; the exact counts "
		"come in the runner's receipts.jsonl.\n",
		r->runner, r->world, r->isolation, r->mode,
		r->usage.more ? "more than " : "",
		(unsigned long long)r->usage.files, size,
		(long long)r->usage.processes, (long long)r->usage.mounts);
}
