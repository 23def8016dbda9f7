#include "archive/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define CHUNK (256 * 1024)

static void context_cleanup(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
	*context = NULL;
}
#define auto_context __attribute__((cleanup(context_cleanup)))

static int update_all(EVP_MD_CTX *context, int fd, const char *name,
	struct dr_err *err)
{
	auto_free unsigned char *chunk = malloc(CHUNK);
	off_t at = 0;
	ssize_t n;

	if (!chunk)
		return dr_err_oom(err);
	while ((n = pread(fd, chunk, CHUNK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dr_err_errno(err, DR_FAILED, "read %s", name);
		if (EVP_DigestUpdate(context, chunk, (size_t)n) != 1)
			return dr_err_set(err, DR_FAILED,
				"SHA-256 of %s: libcrypto failed", name);
		at += n;
	}
	return 0;
}

int digest_file(int fd, const char *name, char hex[DIGEST_HEX_SIZE],
	struct dr_err *err)
{
	auto_context EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!context)
		return dr_err_oom(err);
	if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		return dr_err_set(err, DR_FAILED,
			"SHA-256 of %s: libcrypto failed", name);
	if (update_all(context, fd, name, err) < 0)
		return -1;
	if (EVP_DigestFinal_ex(context, digest, &len) != 1 ||
		len * 2 + 1 != DIGEST_HEX_SIZE)
		return dr_err_set(err, DR_FAILED,
			"SHA-256 of %s: libcrypto failed", name);
	for (unsigned i = 0; i < len; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
	return 0;
}

bool digest_is_valid(const char *hex)
{
	return strlen(hex) == DIGEST_HEX_SIZE - 1 &&
		strspn(hex, "0123456789abcdefABCDEF") == DIGEST_HEX_SIZE - 1;
}

bool digest_equal(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}
