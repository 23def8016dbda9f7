/* Paths as people write them, and what they mean. */
#ifndef DESKRUN_CONFIG_PATHS_H
#define DESKRUN_CONFIG_PATHS_H

/*
 * The absolute path, to be freed: "~" and "~/…" are below home, what is
 * relative below dir; "." and doubled slashes go, ".." stays (it may follow a
 * symlink). NULL with errno ENOENT for "~" without home, or ENOMEM.
 */
char *path_resolve(const char *path, const char *dir, const char *home);

#endif
