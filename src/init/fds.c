#include "init/fds.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

void fds_close_but(const int *keep, size_t n)
{
	unsigned from = 0;

	/* the smallest kept one that is not below from ends the next gap */
	for (;;) {
		unsigned stop = UINT_MAX;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from &&
				(unsigned)keep[i] < stop)
				stop = (unsigned)keep[i];
		if (stop > from)
			syscall(SYS_close_range, from,
				stop == UINT_MAX ? stop : stop - 1, 0);
		if (stop == UINT_MAX)
			return;
		from = stop + 1;
	}
}

static int highest(const int *numbers, size_t n)
{
	int max = 2;

	for (size_t i = 0; i < n; i++)
		if (numbers[i] > max)
			max = numbers[i];
	return max;
}

int fds_above(int fd, const int *numbers, size_t n)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, highest(numbers, n) + 1);

	if (copy >= 0)
		close(fd);
	return copy;
}

int fds_place(const int *fds, const int *numbers, size_t n)
{
	int above[8];

	for (size_t i = 0; i < n && i < 8; i++) {
		above[i] = -1;
		if (fds[i] < 0 || numbers[i] < 0)
			continue;
		above[i] = fcntl(fds[i], F_DUPFD_CLOEXEC,
			highest(numbers, n) + 1);
		if (above[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < n && i < 8; i++)
		if (above[i] >= 0 && dup2(above[i], numbers[i]) < 0)
			return -1;
	return 0;
}
