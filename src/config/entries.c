#include "config/entries.h"

#include <stdlib.h>
#include <string.h>

int entries_add(struct config *config, const char *path, const char *value,
	int line, int column)
{
	size_t n = config->n_entries;
	struct config_entry *entry;

	/* doubled when full: a power of two of them fills the memory */
	if (n == 0 || (n >= 64 && (n & (n - 1)) == 0)) {
		entry = reallocarray(config->entries, n == 0 ? 64 : 2 * n,
			sizeof(*entry));
		if (!entry)
			return -1;
		config->entries = entry;
	}
	entry = &config->entries[n];
	entry->path = strdup(path);
	entry->value = strdup(value);
	entry->line = line;
	entry->column = column;
	if (!entry->path || !entry->value) {
		free(entry->path);
		free(entry->value);
		return -1;
	}
	config->n_entries++;
	return 0;
}

const struct config_entry *entries_find(const struct config *config,
	const char *path)
{
	for (size_t i = 0; i < config->n_entries; i++)
		if (strcmp(config->entries[i].path, path) == 0)
			return &config->entries[i];
	return NULL;
}

int entries_change(struct config *config, const char *path, const char *value)
{
	for (size_t i = 0; i < config->n_entries; i++) {
		struct config_entry *entry = &config->entries[i];

		if (strcmp(entry->path, path) != 0)
			continue;
		free(entry->value);
		entry->value = strdup(value);
		if (!entry->value)
			return -1;
	}
	return 0;
}

bool config_value_next(const struct config *config, size_t *at,
	struct config_value *value)
{
	const struct config_entry *entry;

	if (*at >= config->n_entries)
		return false;
	entry = &config->entries[*at];
	*value = (struct config_value){entry->path, entry->value, entry->line};
	(*at)++;
	return true;
}
