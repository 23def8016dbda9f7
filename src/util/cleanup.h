/* Cleanup by attribute: a destructor for each owning type. */
#ifndef DESKRUN_UTIL_CLEANUP_H
#define DESKRUN_UTIL_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Destructors accept what is empty (-1, NULL) and keep errno. */

static inline void cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

static inline void cleanup_fclose(FILE **f)
{
	int saved = errno;

	if (*f)
		fclose(*f);
	*f = NULL;
	errno = saved;
}

static inline void cleanup_closedir(DIR **d)
{
	int saved = errno;

	if (*d)
		closedir(*d);
	*d = NULL;
	errno = saved;
}

#define auto_close __attribute__((cleanup(cleanup_close)))
#define auto_free __attribute__((cleanup(cleanup_free)))
#define auto_fclose __attribute__((cleanup(cleanup_fclose)))
#define auto_closedir __attribute__((cleanup(cleanup_closedir)))

/* Hands an owned value over: the variable is left empty. */
static inline int steal_fd(int *fd)
{
	int out = *fd;

	*fd = -1;
	return out;
}

static inline void *steal_ptr_raw(void *p)
{
	void *out = *(void **)p;

	*(void **)p = NULL;
	return out;
}
#define steal_ptr(p) ((__typeof__(*(p)))steal_ptr_raw(p))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
