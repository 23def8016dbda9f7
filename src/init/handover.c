#include "init/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fs.h"
#include "util/strv.h"

#define REQUEST_MAGIC 0x64727231u /* drr1 */
#define ANSWER_MAGIC 0x64726131u  /* dra1 */

struct head {
	uint32_t magic;
	uint32_t length; /* of the strings that follow */
	uint32_t args;
	uint32_t vars;
	uint32_t present; /* bit i: descriptor i comes along */
	int32_t numbers[HANDOVER_FDS];
};

void handover_clear(struct handover *h)
{
	strv_free(h->argv);
	strv_free(h->envp);
	free(h->cwd);
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		cleanup_close(&h->fds[i]);
	*h = HANDOVER_INIT;
}

static int descriptor_number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && n < 1 << 20 ? (int)n
								    : -1;
}

int handover_pipes(char *const *argv, int numbers[2], struct dr_err *err)
{
	if (strv_len(argv) == 4 && strcmp(argv[1], "spawnclient") == 0) {
		numbers[0] = descriptor_number(argv[2]);
		numbers[1] = descriptor_number(argv[3]);
		if (numbers[0] > 2 && numbers[1] > 2 &&
			numbers[0] != numbers[1])
			return 0;
	}
	return dr_err_set(err, DR_USAGE,
		"Runner.Worker was not called as \"spawnclient IN OUT\": "
		"this version of the runner is not known");
}

static int add_strings(struct dr_buf *out, char *const *v)
{
	for (; v && *v; v++)
		if (dr_buf_add(out, *v, strlen(*v) + 1) < 0)
			return -1;
	return 0;
}

int handover_encode(const struct handover *h, struct dr_buf *out,
	struct dr_err *err)
{
	struct head head = {
		.magic = REQUEST_MAGIC,
		.args = (uint32_t)strv_len(h->argv),
		.vars = (uint32_t)strv_len(h->envp),
	};

	for (size_t i = 0; i < HANDOVER_FDS; i++) {
		head.present |= h->fds[i] >= 0 ? 1u << i : 0;
		head.numbers[i] = h->numbers[i];
	}
	dr_buf_reset(out);
	if (dr_buf_add(out, &head, sizeof(head)) < 0 ||
		dr_buf_add(out, h->cwd, strlen(h->cwd) + 1) < 0 ||
		add_strings(out, h->argv) < 0 ||
		add_strings(out, h->envp) < 0 ||
		out->len - sizeof(head) > HANDOVER_MAX)
		return dr_err_set(err, DR_FAILED,
			"the Worker's environment is too large");
	head.length = (uint32_t)(out->len - sizeof(head));
	memcpy(out->data, &head, sizeof(head));
	return 0;
}

ssize_t handover_length(const void *data, size_t len, struct dr_err *err)
{
	struct head head;

	if (len < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	if (head.magic != REQUEST_MAGIC || head.length > HANDOVER_MAX ||
		head.args == 0 || head.args > HANDOVER_ARGS_MAX ||
		head.vars > HANDOVER_ENV_MAX || head.present >> HANDOVER_FDS)
		return dr_err_set(err, DR_FAILED, "not a shim's request");
	return (ssize_t)(sizeof(head) + head.length);
}

/* Takes n strings from *at on; they must end before end. */
static char **take_strings(const char **at, const char *end, uint32_t n)
{
	char **v = calloc((size_t)n + 1, sizeof(*v));

	for (uint32_t i = 0; v && i < n; i++) {
		const char *nul = memchr(*at, '\0', (size_t)(end - *at));

		v[i] = nul ? strdup(*at) : NULL;
		if (!v[i]) {
			strv_free(v);
			return NULL;
		}
		*at = nul + 1;
	}
	return v;
}

int handover_decode(const void *data, size_t len, struct handover *h,
	unsigned *present, struct dr_err *err)
{
	const char *at = (const char *)data + sizeof(struct head);
	const char *end = (const char *)data + len;
	auto_strv char **cwd = NULL;
	struct head head;

	if (handover_length(data, len, err) < 0)
		return -1;
	if (len < sizeof(head))
		return dr_err_set(err, DR_FAILED, "a shim's request was cut");
	memcpy(&head, data, sizeof(head));
	if (len != sizeof(head) + head.length)
		return dr_err_set(err, DR_FAILED, "a shim's request was cut");
	cwd = take_strings(&at, end, 1);
	h->argv = cwd ? take_strings(&at, end, head.args) : NULL;
	h->envp = h->argv ? take_strings(&at, end, head.vars) : NULL;
	if (!h->envp || at != end)
		return dr_err_set(err, DR_FAILED,
			"a shim's request is malformed");
	h->cwd = steal_ptr(&cwd[0]);
	*present = head.present;
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		h->numbers[i] = head.numbers[i];
	return 0;
}

/* SCM_RIGHTS skips what is absent: present says which ones these are. */
static size_t attach(struct msghdr *msg, const struct handover *h)
{
	struct cmsghdr *c = msg->msg_control;
	int fds[HANDOVER_FDS];
	size_t n = 0;

	for (size_t i = 0; i < HANDOVER_FDS; i++)
		if (h->fds[i] >= 0)
			fds[n++] = h->fds[i];
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	msg->msg_controllen = CMSG_SPACE(n * sizeof(int));
	return n;
}

int handover_send(int socket, const struct handover *h, struct dr_err *err)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(HANDOVER_FDS * sizeof(int))];
	} control = {0};
	auto_buf struct dr_buf bytes;
	struct iovec iov;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};
	ssize_t n;

	dr_buf_init(&bytes, HANDOVER_MAX + sizeof(struct head));
	if (handover_encode(h, &bytes, err) < 0)
		return -1;
	iov = (struct iovec){.iov_base = bytes.data, .iov_len = bytes.len};
	if (attach(&msg, h) == 0)
		msg.msg_control = NULL;
	do {
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 ||
		fs_write_full(socket, bytes.data + n, bytes.len - (size_t)n) <
			0)
		return dr_err_errno(err, DR_FAILED, "send to the supervisor");
	return 0;
}

void handover_answer_init(struct handover_answer *answer,
	enum handover_verdict verdict, int code, const char *reason)
{
	*answer = (struct handover_answer){
		.magic = ANSWER_MAGIC,
		.verdict = verdict,
		.code = code,
	};
	strncpy(answer->reason, reason ? reason : "",
		sizeof(answer->reason) - 1);
}

bool handover_answer_check(struct handover_answer *answer, size_t len)
{
	if (len != sizeof(*answer) || answer->magic != ANSWER_MAGIC ||
		(answer->verdict != HANDOVER_ENDED &&
			answer->verdict != HANDOVER_REFUSED))
		return false;
	answer->reason[sizeof(answer->reason) - 1] = '\0';
	return true;
}
