#include "net/http_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* As the tail of a sentence: "connection refused". */
static const char *tail(const char *text, char *out, size_t size)
{
	snprintf(out, size, "%s", text);
	if (isupper((unsigned char)out[0]) && !isupper((unsigned char)out[1]))
		out[0] = (char)tolower((unsigned char)out[0]);
	for (char *p = out; *p; p++) {
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	}
	return out;
}

static int stopped(const struct http_transfer *t, struct dr_err *err)
{
	switch (t->stop) {
	case STOP_INTERRUPTED:
		return dr_err_set(err, DR_INTERRUPTED, "interrupted");
	case STOP_TOO_LONG:
		return dr_err_set(err, DR_FAILED,
			"%s: the answer is longer than is accepted",
			t->to.host);
	case STOP_WRITE:
		dr_err_set(err, DR_FAILED, "write what %s sends: %s",
			t->to.host, strerror(t->sys_errno));
		err->sys_errno = t->sys_errno;
		return -1;
	case STOP_NOT_LOOPBACK:
		return dr_err_set(err, DR_CONFIG,
			"connect to %s: it does not lead to this machine, and "
			"http is not encrypted",
			t->to.host);
	case STOP_NONE:
		break;
	}
	return 0;
}

static int not_connected(const struct http_transfer *t, struct dr_err *err)
{
	char text[CURL_ERROR_SIZE];
	long number = 0;

	curl_easy_getinfo(t->client->curl, CURLINFO_OS_ERRNO, &number);
	dr_err_set(err, DR_NETWORK, "connect to %s: %s", t->to.host,
		tail(number ? strerror((int)number) : t->client->text, text,
			sizeof(text)));
	err->sys_errno = (int)number;
	return -1;
}

static int timed_out(const struct http_transfer *t, struct dr_err *err)
{
	curl_off_t ready = 0;

	curl_easy_getinfo(t->client->curl, CURLINFO_PRETRANSFER_TIME_T, &ready);
	if (ready == 0)
		return dr_err_set(err, DR_NETWORK,
			"connect to %s: no answer within %d s", t->to.host,
			HTTP_CONNECT_S);
	if (t->timeout_s > 0)
		return dr_err_set(err, DR_NETWORK,
			"%s: no complete answer within %d s", t->to.host,
			t->timeout_s);
	return dr_err_set(err, DR_NETWORK, "%s: nothing came for %d s",
		t->to.host, HTTP_STALL_S);
}

static int bad_certificate(const struct http_transfer *t, CURLcode rc,
	struct dr_err *err)
{
	char text[CURL_ERROR_SIZE];

	if (rc == CURLE_SSL_CACERT_BADFILE)
		return dr_err_set(err, DR_CONFIG,
			"%s has no certificates that can be read",
			t->client->ca_file ? t->client->ca_file
					   : "the system's bundle");
	return dr_err_set(err, DR_NETWORK,
		"connect to %s: %s (ca_file can name another authority)",
		t->to.host, tail(t->client->text, text, sizeof(text)));
}

static int other(const struct http_transfer *t, CURLcode rc, struct dr_err *err)
{
	const char *words = t->client->text;
	char text[CURL_ERROR_SIZE];

	if (!*words)
		words = curl_easy_strerror(rc);
	return dr_err_set(err, DR_NETWORK, "%s: %s", t->to.host,
		tail(words, text, sizeof(text)));
}

int http_explain(const struct http_transfer *t, CURLcode rc, struct dr_err *err)
{
	if (stopped(t, err) < 0)
		return -1;
	switch (rc) {
	case CURLE_OUT_OF_MEMORY:
		return dr_err_oom(err);
	case CURLE_COULDNT_RESOLVE_HOST:
		return dr_err_set(err, DR_NETWORK,
			"resolve %s: no such host, or no answer from the name "
			"server",
			t->to.host);
	case CURLE_COULDNT_RESOLVE_PROXY:
		return dr_err_set(err, DR_NETWORK,
			"resolve the proxy on the way to %s: no such host",
			t->to.host);
	case CURLE_COULDNT_CONNECT:
		return not_connected(t, err);
	case CURLE_OPERATION_TIMEDOUT:
		return timed_out(t, err);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return bad_certificate(t, rc, err);
	case CURLE_PARTIAL_FILE:
		return dr_err_set(err, DR_NETWORK,
			"%s: the answer broke off after %" PRIu64 " bytes",
			t->to.host, t->done);
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return dr_err_set(err, DR_NETWORK,
			"%s: the connection broke off", t->to.host);
	default:
		return other(t, rc, err);
	}
}
