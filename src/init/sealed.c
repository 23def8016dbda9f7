#include "init/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

bool sealed_already(void)
{
	auto_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = fd >= 0 ? fcntl(fd, F_GET_SEALS) : -1;

	return seals >= 0 && (seals & SEALS) == SEALS;
}

static int create(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("deskrun-init", flags | MFD_EXEC);

	/* before 6.3 the flag is unknown, and memory files are executable */
	return fd < 0 && errno == EINVAL ? memfd_create("deskrun-init", flags)
					 : fd;
}

int sealed_exec(char **argv, struct dr_err *err)
{
	auto_close int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_close int to = create();
	struct stat st;
	off_t done = 0;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return dr_err_errno(err, DR_FAILED, "memfd_create");
	while (done < st.st_size) {
		ssize_t n = sendfile(to, from, &done,
			(size_t)(st.st_size - done));

		if (n <= 0 && errno != EINTR)
			return dr_err_errno(err, DR_FAILED,
				"copy deskrun-init to memory");
	}
	if (fchmod(to, 0555) < 0 || fcntl(to, F_ADD_SEALS, SEALS) < 0)
		return dr_err_errno(err, DR_FAILED, "seal deskrun-init");
	syscall(SYS_execveat, to, "", argv, environ, AT_EMPTY_PATH);
	return dr_err_errno(err, DR_FAILED, "execute deskrun-init anew");
}
