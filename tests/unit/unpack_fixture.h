/* Archives made by the test, and what came of unpacking them. */
#ifndef DESKRUN_TESTS_UNPACK_FIXTURE_H
#define DESKRUN_TESTS_UNPACK_FIXTURE_H

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/unpack.h"
#include "unit.h"
#include "util/fs.h"

static const char absolute[] = "/tmp/deskrun-test-must-not-appear";

/* A directory for each test: inside/ gets the tree, the rest is outside. */
static struct {
	char dir[64];
	int fd, inside;
	struct archive *tar;
	struct dr_err err;
} t;

static inline int set_up(void **state)
{
	(void)state;
	snprintf(t.dir, sizeof(t.dir), "/tmp/test_unpack.XXXXXX");
	if (!mkdtemp(t.dir))
		return -1;
	t.fd = open(t.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(t.fd, "inside", 0755);
	t.inside = openat(t.fd, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t.err = DR_ERR_INIT;
	t.tar = NULL;
	return t.inside >= 0 ? 0 : -1;
}

static inline int tear_down(void **state)
{
	char command[256];

	(void)state;
	close(t.inside);
	close(t.fd);
	/* Who is not root must make what is read-only writable first. */
	snprintf(command, sizeof(command), "chmod -R u+w %s; rm -r %s", t.dir,
		t.dir);
	return system(command);
}

/* Writing the archive, by libarchive */

static inline void begin(void)
{
	char name[96];

	snprintf(name, sizeof(name), "%s/a.tar.gz", t.dir);
	t.tar = archive_write_new();
	archive_write_set_format_pax_restricted(t.tar);
	archive_write_add_filter_gzip(t.tar);
	assert_int_equal(archive_write_open_filename(t.tar, name), ARCHIVE_OK);
}

static inline void end(void)
{
	assert_int_equal(archive_write_close(t.tar), ARCHIVE_OK);
	archive_write_free(t.tar);
}

static inline struct archive_entry *entry(const char *name, mode_t type,
	mode_t perm)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, perm);
	archive_entry_set_uid(e, 1234);
	archive_entry_set_mtime(e, 1, 0);
	archive_entry_set_size(e, 0);
	return e;
}

static inline void put(struct archive_entry *e, const char *data)
{
	if (data)
		archive_entry_set_size(e, (la_int64_t)strlen(data));
	assert_int_equal(archive_write_header(t.tar, e), ARCHIVE_OK);
	if (data)
		archive_write_data(t.tar, data, strlen(data));
	archive_entry_free(e);
}

static inline void file(const char *name, const char *data)
{
	put(entry(name, AE_IFREG, 0644), data);
}

static inline void directory(const char *name)
{
	put(entry(name, AE_IFDIR, 0777), NULL);
}

static inline void symbolic(const char *name, const char *target)
{
	struct archive_entry *e = entry(name, AE_IFLNK, 0777);

	archive_entry_set_symlink(e, target);
	put(e, NULL);
}

static inline void hard(const char *name, const char *target)
{
	struct archive_entry *e = entry(name, AE_IFREG, 0644);

	archive_entry_set_hardlink(e, target);
	put(e, NULL);
}

/* Unpacking it */

static inline int unpack_with(struct unpack_request *r)
{
	int rc;

	r->fd = openat(t.fd, "a.tar.gz", O_RDONLY | O_CLOEXEC);
	r->archive = "a.tar.gz";
	r->dirfd = t.inside;
	r->name = "tree";
	rc = unpack_tarball(r, &t.err);
	close(r->fd);
	return rc;
}

static inline int unpack(void)
{
	struct unpack_request r = {0};

	return unpack_with(&r);
}

static inline int count(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n - 2;
}

/* What every refusal has to show */
static inline void assert_refused(const char *member, const char *reason)
{
	assert_int_equal(unpack(), -1);
	assert_int_equal(t.err.code, DR_FAILED);
	if (!strstr(t.err.msg, "unpack a.tar.gz: ") ||
		!strstr(t.err.msg, member) || !strstr(t.err.msg, reason))
		fail_msg("\"%s\" and \"%s\" are not in \"%s\"", member, reason,
			t.err.msg);
	assert_int_equal(count(t.inside, "."), 0);
	/* the archive and inside/ */
	assert_int_equal(count(t.fd, "."), 2);
	assert_int_equal(access(absolute, F_OK), -1);
}

static inline mode_t mode(const char *path)
{
	struct stat st;

	if (fstatat(t.inside, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(st.st_uid, geteuid());
	return st.st_mode;
}

static inline void assert_text(const char *path, const char *text)
{
	struct dr_buf buf;

	dr_buf_init(&buf, 4096);
	assert_int_equal(fs_read(t.inside, path, &buf, &t.err), 0);
	assert_string_equal(buf.data, text);
	dr_buf_clear(&buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
