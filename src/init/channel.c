#include "init/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"

int channel_head_parse(const void *bytes, struct channel_head *head)
{
	int32_t words[2];

	memcpy(words, bytes, sizeof(words));
	if (words[0] < CHANNEL_JOB || words[0] > CHANNEL_OS_SHUTDOWN ||
		words[1] < 0 || words[1] > CHANNEL_BODY_MAX)
		return -1;
	head->type = (enum channel_type)words[0];
	head->length = (uint32_t)words[1];
	return 0;
}

/* Reads what comes next, at most size bytes, before the deadline. */
static ssize_t read_some(int fd, int stop_fd, void *data, size_t size,
	uint64_t deadline)
{
	for (;;) {
		struct pollfd p[2] = {
			{.fd = fd, .events = POLLIN},
			{.fd = stop_fd, .events = POLLIN},
		};
		uint64_t now = clock_mono_ns();

		if (now >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (poll(p, 2, (int)((deadline - now) / 1000000u) + 1) < 0 &&
			errno != EINTR)
			return -1;
		if (p[1].revents) {
			errno = ECANCELED;
			return -1;
		}
		if (p[0].revents)
			return read(fd, data, size);
	}
}

static int failed(ssize_t n, struct dr_err *err)
{
	if (n == 0)
		return dr_err_set(err, DR_FAILED,
			"the Listener closed its "
			"pipe before it sent the job");
	return dr_err_errno(err,
		errno == ETIMEDOUT	     ? DR_TIMEOUT
			: errno == ECANCELED ? DR_INTERRUPTED
					     : DR_FAILED,
		"read the job's message");
}

int channel_drain(int fd, int stop_fd, int timeout_ms, struct dr_err *err)
{
	uint64_t deadline = clock_mono_ns() + (uint64_t)timeout_ms * 1000000u;
	char bytes[16384];
	struct channel_head head;
	size_t have = 0, left;

	while (have < CHANNEL_HEAD) {
		ssize_t n = read_some(fd, stop_fd, bytes + have,
			CHANNEL_HEAD - have, deadline);

		if (n <= 0)
			return failed(n, err);
		have += (size_t)n;
	}
	if (channel_head_parse(bytes, &head) < 0)
		return dr_err_set(err, DR_FAILED,
			"the Listener's pipe holds no message");
	for (left = head.length; left > 0;) {
		ssize_t n = read_some(fd, stop_fd, bytes,
			left < sizeof(bytes) ? left : sizeof(bytes), deadline);

		if (n <= 0)
			return failed(n, err);
		left -= (size_t)n;
	}
	explicit_bzero(bytes, sizeof(bytes));
	return 0;
}
