#include "runner/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"

static int check_owner(const char *data, int fd, struct dr_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dr_err_errno(err, DR_FAILED, "look at %s", data);
	if (st.st_uid != geteuid())
		return dr_err_set(err, DR_CONFIG,
			"data directory %s belongs to user %u, not to user %u "
			"who runs this; name another with \"data:\", or chown "
			"it",
			data, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 022)
		return dr_err_set(err, DR_CONFIG,
			"data directory %s is writable by others (mode %04o); "
			"run: chmod go-w %s",
			data, (unsigned)st.st_mode & 07777, data);
	return 0;
}

int home_look(const char *data, struct home *home, struct dr_err *err)
{
	*home = (struct home)HOME_INIT;
	home->fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home->fd < 0)
		return dr_err_errno(err,
			errno == ENOENT ? DR_NOT_FOUND : DR_CONFIG,
			"open data directory %s", data);
	if (check_owner(data, home->fd, err) < 0) {
		home_close(home);
		return -1;
	}
	return 0;
}

int home_open(const char *data, const char *command, struct home *home,
	struct dr_err *err)
{
	char holder[64];

	if (fs_mkdir_p(data, 0755, err) < 0) {
		err->code = DR_CONFIG;
		return dr_err_prefix(err, "data directory");
	}
	if (home_look(data, home, err) < 0)
		return -1;
	snprintf(holder, sizeof(holder), "%d (deskrun-runner %s)",
		(int)getpid(), command);
	home->lock = fs_lock(home->fd, "lock", holder, err);
	if (home->lock < 0) {
		home_close(home);
		return dr_err_prefix(err, "data directory %s", data);
	}
	return 0;
}

void home_close(struct home *home)
{
	cleanup_close(&home->lock);
	cleanup_close(&home->fd);
}
