#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "init/supervisor.h"

/*
 * Listener and config.sh need root's files and nothing else of root. An empty
 * bounding set leaves nothing after execve(2), for uid 0 as well:
 * capabilities(7), "Capabilities and execution of programs by root".
 */
int confine_child(void *arg)
{
	(void)arg;
	umask(022);
	for (int cap = 0; cap <= 63; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL && cap > CAP_AUDIT_READ)
			break; /* this kernel knows no more */
		return -1;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
