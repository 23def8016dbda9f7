#include "archive/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/member.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fs.h"

#define READ_BLOCK (256 * 1024)
#define PROGRESS_EVERY_NS 100000000u
/* As much of a name as a message shows */
#define SHOWN 200

struct extraction {
	const struct unpack_request *request;
	int dirfd;
	struct archive *from, *to;
	uint64_t total; /* bytes of the archive */
	uint64_t members, bytes;
	uint64_t progress_due;
};

/* libarchive's words on what went wrong there */
static int failed(struct archive *a, struct dr_err *err)
{
	const char *text = archive_error_string(a);

	dr_err_set(err, DR_FAILED, "%s", text ? text : "libarchive failed");
	err->sys_errno = archive_errno(a) > 0 ? archive_errno(a) : 0;
	return -1;
}

static int keep_time(struct extraction *x, struct dr_err *err)
{
	const struct unpack_request *r = x->request;
	uint64_t now;

	if (r->interrupted && *r->interrupted)
		return dr_err_set(err, DR_INTERRUPTED, "interrupted");
	now = r->progress ? clock_mono_ns() : 0;
	if (r->progress && now >= x->progress_due) {
		x->progress_due = now + PROGRESS_EVERY_NS;
		r->progress(r->progress_arg,
			(uint64_t)archive_filter_bytes(x->from, -1), x->total);
	}
	return 0;
}

static int copy_data(struct extraction *x, struct dr_err *err)
{
	const void *data;
	size_t len;
	int64_t at;
	int rc;

	while ((rc = archive_read_data_block(x->from, &data, &len, &at)) ==
		ARCHIVE_OK) {
		if (archive_write_data_block(x->to, data, len, at) !=
			ARCHIVE_OK)
			return failed(x->to, err);
		if (keep_time(x, err) < 0)
			return -1;
	}
	return rc == ARCHIVE_EOF ? 0 : failed(x->from, err);
}

/* Nothing is written twice, nor by way of a link that was put there. */
static int check_place(const struct extraction *x, const char *name,
	bool is_directory, struct dr_err *err)
{
	auto_close int fd = fs_open_beneath(x->dirfd, name, O_PATH | O_NOFOLLOW,
		0);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return dr_err_set(err, DR_FAILED,
			"a symbolic link stands in its way");
	if (fd < 0 || fstat(fd, &st) < 0)
		return dr_err_errno(err, DR_FAILED, "its place");
	if (!is_directory || !S_ISDIR(st.st_mode))
		return dr_err_set(err, DR_FAILED, "it is there twice");
	return 0;
}

static int set_hardlink(const struct extraction *x, const char *target,
	struct archive_entry *out, struct dr_err *err)
{
	char clean[UNPACK_NAME_MAX + 1];
	auto_close int fd = -1;
	struct stat st;

	if (member_clean(target, clean, sizeof(clean), err) < 0)
		return dr_err_prefix(err, "hard link's target");
	fd = fs_open_beneath(x->dirfd, clean, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return dr_err_set(err, DR_FAILED,
			"a hard link to what is not a file of the archive");
	archive_entry_set_hardlink(out, clean);
	return 0;
}

static int set_symlink(const char *name, const char *target,
	struct archive_entry *out, struct dr_err *err)
{
	char shown[SHOWN];

	if (!target || strlen(target) > UNPACK_NAME_MAX ||
		!member_link_stays(name, target))
		return dr_err_set(err, DR_FAILED,
			"a symbolic link that leads out of the archive (%s)",
			member_shown(target ? target : "", shown,
				sizeof(shown)));
	archive_entry_set_symlink(out, target);
	return 0;
}

static int set_size(struct extraction *x, struct archive_entry *in,
	struct archive_entry *out, struct dr_err *err)
{
	int64_t size = archive_entry_size(in);

	if (!archive_entry_size_is_set(in) || size < 0)
		return dr_err_set(err, DR_FAILED, "a file without a size");
	if ((uint64_t)size > UNPACK_BYTES_MAX - x->bytes)
		return dr_err_set(err, DR_FAILED, "more than %llu bytes in all",
			UNPACK_BYTES_MAX);
	x->bytes += (uint64_t)size;
	archive_entry_set_size(out, size);
	return 0;
}

/*
 * out gets what we chose to take over, so that owners, times, flags, ACLs,
 * extended attributes and setuid bits stay behind.
 */
static int translate(struct extraction *x, const char *name,
	struct archive_entry *in, struct archive_entry *out, struct dr_err *err)
{
	mode_t type = archive_entry_filetype(in);
	const char *hardlink = archive_entry_hardlink(in);
	bool executable = archive_entry_perm(in) & 0111;

	if (check_place(x, name, !hardlink && type == AE_IFDIR, err) < 0)
		return -1;
	archive_entry_set_pathname(out, name);
	if (hardlink) {
		archive_entry_set_filetype(out, AE_IFREG);
		archive_entry_set_perm(out, 0444);
		return set_hardlink(x, hardlink, out, err);
	}
	archive_entry_set_filetype(out, type);
	switch (type) {
	case AE_IFREG:
		archive_entry_set_perm(out, executable ? 0555 : 0444);
		return set_size(x, in, out, err);
	case AE_IFDIR:
		archive_entry_set_perm(out, 0755);
		return 0;
	case AE_IFLNK:
		return set_symlink(name, archive_entry_symlink(in), out, err);
	default:
		return dr_err_set(err, DR_FAILED,
			"neither file, directory nor link");
	}
}

static int extract_as(struct extraction *x, const char *name,
	struct archive_entry *in, struct dr_err *err)
{
	struct archive_entry *out = archive_entry_new();
	int rc;

	if (!out)
		return dr_err_oom(err);
	rc = translate(x, name, in, out, err);
	/* Anything short of OK is a part of the member that is not there. */
	if (rc == 0 && archive_write_header(x->to, out) != ARCHIVE_OK)
		rc = failed(x->to, err);
	if (rc == 0 && archive_entry_size(out) > 0)
		rc = copy_data(x, err);
	if (rc == 0 && archive_write_finish_entry(x->to) != ARCHIVE_OK)
		rc = failed(x->to, err);
	archive_entry_free(out);
	return rc;
}

static int extract_named(struct extraction *x, const char *name,
	struct archive_entry *in, struct dr_err *err)
{
	char clean[UNPACK_NAME_MAX + 1];

	if (member_clean(name, clean, sizeof(clean), err) < 0)
		return -1;
	if (*clean)
		return extract_as(x, clean, in, err);
	/* "./" is the root, which is there already. */
	if (archive_entry_filetype(in) == AE_IFDIR)
		return 0;
	return dr_err_set(err, DR_FAILED, "an empty name");
}

static int extract_one(struct extraction *x, struct archive_entry *in,
	struct dr_err *err)
{
	const char *name = archive_entry_pathname(in);
	char shown[SHOWN];

	if (!name)
		return dr_err_set(err, DR_FAILED, "a member without a name");
	if (extract_named(x, name, in, err) == 0)
		return 0;
	if (err->code == DR_INTERRUPTED)
		return -1;
	return dr_err_prefix(err, "member %s",
		member_shown(name, shown, sizeof(shown)));
}

static int extract_all(struct extraction *x, struct dr_err *err)
{
	struct archive_entry *in;
	int rc;

	while ((rc = archive_read_next_header(x->from, &in)) == ARCHIVE_OK) {
		if (++x->members > UNPACK_MEMBERS_MAX)
			return dr_err_set(err, DR_FAILED,
				"more than %u members", UNPACK_MEMBERS_MAX);
		if (keep_time(x, err) < 0 || extract_one(x, in, err) < 0)
			return -1;
	}
	if (rc != ARCHIVE_EOF) {
		failed(x->from, err);
		return dr_err_prefix(err, "after %" PRIu64 " members",
			x->members);
	}
	if (x->members == 0)
		return dr_err_set(err, DR_FAILED, "there is nothing in it");
	if (archive_write_close(x->to) != ARCHIVE_OK)
		return failed(x->to, err);
	return 0;
}

static int open_both(struct extraction *x, struct dr_err *err)
{
	struct stat st;

	if (!x->from || !x->to)
		return dr_err_oom(err);
	if (fstat(x->request->fd, &st) < 0 ||
		lseek(x->request->fd, 0, SEEK_SET) < 0)
		return dr_err_errno(err, DR_FAILED, "read it");
	x->total = (uint64_t)st.st_size;
	archive_read_support_format_tar(x->from);
	archive_read_support_filter_gzip(x->from);
	/* Names are bytes: whatever the locale is, none is converted. */
	archive_read_set_format_option(x->from, "tar", "hdrcharset", "BINARY");
	archive_write_disk_set_options(x->to,
		ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
			ARCHIVE_EXTRACT_SECURE_NODOTDOT |
			ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
	if (archive_read_open_fd(x->from, x->request->fd, READ_BLOCK) !=
		ARCHIVE_OK)
		return failed(x->from, err);
	return 0;
}

int extract_members(const struct unpack_request *request, int dirfd,
	struct dr_err *err)
{
	auto_close int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct extraction x = {
		.request = request,
		.dirfd = dirfd,
		.from = archive_read_new(),
		.to = archive_write_disk_new(),
	};
	int rc;

	/* libarchive creates relative to the working directory alone. */
	if (before < 0 || fchdir(dirfd) < 0) {
		rc = dr_err_errno(err, DR_FAILED, "working directory");
	} else {
		rc = open_both(&x, err);
		if (rc == 0)
			rc = extract_all(&x, err);
	}
	/* Freeing closes, and so may still set modes by relative names. */
	archive_write_free(x.to);
	archive_read_free(x.from);
	if (before >= 0 && fchdir(before) < 0 && rc == 0)
		rc = dr_err_errno(err, DR_FAILED, "working directory");
	if (rc == 0 && request->progress)
		request->progress(request->progress_arg, x.total, x.total);
	return rc;
}
