/* util/fs: what is shared with jobs, and must not be led astray by them. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "util/cleanup.h"
#include "util/fs.h"

struct place {
	char dir[SCRATCH_SIZE];
	int fd;
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	*state = p;
	if (scratch_make(p->dir) < 0)
		return -1;
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p->fd < 0 ? -1 : 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;
	int rc = scratch_drop(p->dir);

	close(p->fd);
	free(p);
	return rc;
}

static void put_at(int dirfd, const char *name, const char *text)
{
	auto_close int fd = openat(dirfd, name,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_full(fd, text, strlen(text)), 0);
}

static bool is_there(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void expect_text(int dirfd, const char *name, const char *expected)
{
	auto_buf struct dr_buf text;
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(&text, 1000);
	assert_int_equal(fs_read(dirfd, name, &text, &err), 0);
	assert_string_equal(text.data, expected);
}

/* Opening */

static void beneath_means_beneath(void **state)
{
	struct place *p = *state;
	static const char *const paths[] = {
		"../x", "/etc/passwd", "link", "dir/../..", "dir/up/x"};

	assert_int_equal(mkdirat(p->fd, "dir", 0755), 0);
	assert_int_equal(symlinkat("/etc/passwd", p->fd, "link"), 0);
	assert_int_equal(symlinkat("..", p->fd, "dir/up"), 0);
	put_at(p->fd, "x", "text");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		errno = 0;
		assert_int_equal(fs_open_beneath(p->fd, paths[i], O_RDONLY, 0),
			-1);
		assert_true(errno == EXDEV || errno == ELOOP);
	}
	close(fs_open_beneath(p->fd, "x", O_RDONLY, 0));
}

static void reading_beneath_waits_for_no_fifo(void **state)
{
	struct place *p = *state;
	auto_buf struct dr_buf text;
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(&text, 100);
	assert_int_equal(mkfifoat(p->fd, "fifo", 0644), 0);
	/* without a writer it is empty */
	assert_int_equal(fs_read_beneath(p->fd, "fifo", &text, &err), 0);
	assert_int_equal(text.len, 0);
	assert_int_equal(symlinkat("fifo", p->fd, "link"), 0);
	assert_int_equal(fs_read_beneath(p->fd, "link", &text, &err), -1);
	assert_int_equal(fs_read_beneath(p->fd, "gone", &text, &err), -1);
	assert_int_equal(err.code, DR_NOT_FOUND);
}

static void file_beyond_the_maximum_is_refused(void **state)
{
	struct place *p = *state;
	auto_buf struct dr_buf text;
	struct dr_err err = DR_ERR_INIT;

	dr_buf_init(&text, 3);
	put_at(p->fd, "x", "text");
	assert_int_equal(fs_read(p->fd, "x", &text, &err), -1);
	assert_string_equal(err.msg, "x is larger than the 3 bytes expected");
}

static void directories_are_made_with_their_parents(void **state)
{
	struct place *p = *state;
	struct dr_err err = DR_ERR_INIT;
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b/c", p->dir);
	assert_int_equal(fs_mkdir_p(path, 0700, &err), 0);
	assert_int_equal(fs_mkdir_p(path, 0700, &err), 0);
	assert_int_equal(fstatat(p->fd, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	put_at(p->fd, "file", "");
	snprintf(path, sizeof(path), "%s/file", p->dir);
	assert_int_equal(fs_mkdir_p(path, 0700, &err), -1);
	assert_non_null(strstr(err.msg, "is not a directory"));
}

/* Writing and locking */

static void written_file_replaces_the_old_one(void **state)
{
	struct place *p = *state;
	struct dr_err err = DR_ERR_INIT;
	struct stat st;

	assert_int_equal(fs_write_atomic(p->fd, "x", "old", 3, 0600, &err), 0);
	assert_int_equal(fs_write_atomic(p->fd, "x", "new", 3, 0666, &err), 0);
	expect_text(p->fd, "x", "new");
	assert_int_equal(fstatat(p->fd, "x", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
}

static void written_file_replaces_a_link_and_not_its_target(void **state)
{
	struct place *p = *state;
	struct dr_err err = DR_ERR_INIT;

	put_at(p->fd, "precious", "precious");
	assert_int_equal(symlinkat("precious", p->fd, "x"), 0);
	assert_int_equal(fs_write_atomic(p->fd, "x", "new", 3, 0644, &err), 0);
	expect_text(p->fd, "precious", "precious");
	expect_text(p->fd, "x", "new");
}

static void failed_write_leaves_nothing_behind(void **state)
{
	struct place *p = *state;
	struct dr_err err = DR_ERR_INIT;
	auto_closedir DIR *dir = NULL;
	struct dirent *e;
	int n = 0;

	assert_int_equal(mkdirat(p->fd, "x", 0755), 0);
	assert_int_equal(fs_write_atomic(p->fd, "x", "new", 3, 0644, &err), -1);
	dir = fdopendir(dup(p->fd));
	while ((e = readdir(dir)))
		n++;
	assert_int_equal(n, 3); /* ".", "..", "x" */
}

static void lock_says_who_holds_it(void **state)
{
	struct place *p = *state;
	struct dr_err err = DR_ERR_INIT;
	char holder[64];
	int fd = fs_lock(p->fd, "lock", "1234 deskrun-runner start", &err);

	assert_true(fd >= 0);
	assert_int_equal(fs_lock(p->fd, "lock", "other", &err), -1);
	assert_int_equal(err.code, DR_BUSY);
	assert_string_equal(err.msg,
		"lock is held by process 1234 deskrun-runner start");
	assert_true(fs_lock_held(p->fd, "lock", holder, sizeof(holder)));
	assert_string_equal(holder, "1234 deskrun-runner start");
	close(fd);
	assert_false(fs_lock_held(p->fd, "lock", holder, sizeof(holder)));
	assert_string_equal(holder, "");
	fd = fs_lock(p->fd, "lock", "x", &err);
	assert_true(fd >= 0);
	expect_text(p->fd, "lock", "x");
	close(fd);
}

/* Removing */

static void removal_counts_what_it_discards(void **state)
{
	struct place *p = *state;
	struct fs_removed removed = {0};
	struct dr_err err = DR_ERR_INIT;
	char name[64];

	assert_int_equal(mkdirat(p->fd, "tree", 0755), 0);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "tree/dir%d", i);
		assert_int_equal(mkdirat(p->fd, name, 0755), 0);
		strcat(name, "/file");
		put_at(p->fd, name, "text");
	}
	assert_int_equal(mkfifoat(p->fd, "tree/fifo", 0644), 0);
	assert_int_equal(fs_remove_tree(p->fd, "tree", &removed, &err), 0);
	assert_int_equal(removed.files, 51);
	assert_int_equal(removed.dirs, 51);
	assert_false(is_there(p->fd, "tree"));
	assert_int_equal(fs_remove_tree(p->fd, "tree", &removed, &err), 0);
	put_at(p->fd, "single", "");
	assert_int_equal(fs_remove_tree(p->fd, "single", NULL, &err), 0);
}

static void removal_follows_no_links(void **state)
{
	struct place *p = *state;
	struct dr_err err = DR_ERR_INIT;

	assert_int_equal(mkdirat(p->fd, "outside", 0755), 0);
	put_at(p->fd, "outside/precious", "precious");
	assert_int_equal(mkdirat(p->fd, "tree", 0755), 0);
	assert_int_equal(symlinkat("../outside", p->fd, "tree/link"), 0);
	assert_int_equal(symlinkat("/nonexistent", p->fd, "tree/broken"), 0);
	assert_int_equal(fs_remove_tree(p->fd, "tree", NULL, &err), 0);
	expect_text(p->fd, "outside/precious", "precious");
	assert_int_equal(symlinkat("outside", p->fd, "top"), 0);
	assert_int_equal(fs_remove_tree(p->fd, "top", NULL, &err), 0);
	expect_text(p->fd, "outside/precious", "precious");
}

/* Makes directories one in another, deeper than any path can say. */
static void make_deep(int dirfd, const char *name, int depth)
{
	int fd = dup(dirfd);

	for (int i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(fd, name, 0755), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	put_at(fd, "file", "");
	close(fd);
}

static void deep_trees_cost_no_stack_and_no_descriptors(void **state)
{
	struct place *p = *state;
	struct fs_removed removed = {0};
	struct dr_err err = DR_ERR_INIT;

	make_deep(p->fd, "d", 10000);
	if (fs_remove_tree(p->fd, "d", &removed, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(removed.dirs, 10000);
	assert_int_equal(removed.files, 1);
}

static void deep_trees_side_by_side_are_removed(void **state)
{
	struct place *p = *state;
	struct fs_removed removed = {0};
	struct dr_err err = DR_ERR_INIT;
	char name[16];
	int fd;

	assert_int_equal(mkdirat(p->fd, "top", 0755), 0);
	fd = openat(p->fd, "top", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "deep%d", i);
		make_deep(fd, name, 200);
	}
	close(fd);
	assert_int_equal(fs_remove_tree(p->fd, "top", &removed, &err), 0);
	assert_int_equal(removed.dirs, 1001);
	assert_int_equal(removed.files, 5);
}

/* Sets a flag of chattr(1); false where the file system has none. */
static bool set_flag(int dirfd, const char *name, int flag)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	int flags;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return false;
	flags |= flag;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

static void immutable_files_and_directories_are_removed(void **state)
{
	struct place *p = *state;
	struct fs_removed removed = {0};
	struct dr_err err = DR_ERR_INIT;

	assert_int_equal(mkdirat(p->fd, "tree", 0755), 0);
	assert_int_equal(mkdirat(p->fd, "tree/dir", 0755), 0);
	put_at(p->fd, "tree/dir/file", "");
	put_at(p->fd, "tree/log", "");
	if (!set_flag(p->fd, "tree/dir/file", FS_IMMUTABLE_FL) ||
		!set_flag(p->fd, "tree/log", FS_APPEND_FL) ||
		!set_flag(p->fd, "tree/dir", FS_IMMUTABLE_FL) ||
		!set_flag(p->fd, "tree", FS_APPEND_FL))
		SKIP_BECAUSE("no immutable flags (root on ext4 has them)");
	if (fs_remove_tree(p->fd, "tree", &removed, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(removed.files, 2);
	assert_int_equal(removed.dirs, 2);
	assert_false(is_there(p->fd, "tree"));
}

/* In a mount namespace of its own; what it returns is the exit status. */
static int remove_around_a_mount(const char *dir)
{
	auto_close int fd = -1;
	struct dr_err err = DR_ERR_INIT;
	char path[128];

	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	snprintf(path, sizeof(path), "%s/tree/mnt", dir);
	if (mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
		return 77;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/tree/mnt/precious", dir);
	if (mkdir(path, 0755) < 0)
		return 1;
	if (fs_remove_tree(fd, "tree", NULL, &err) == 0)
		return 2;
	if (err.sys_errno != EXDEV)
		return 3;
	return access(path, F_OK) == 0 ? 0 : 4;
}

static void removal_enters_no_other_mount(void **state)
{
	struct place *p = *state;
	int status;
	pid_t pid;

	assert_int_equal(mkdirat(p->fd, "tree", 0755), 0);
	assert_int_equal(mkdirat(p->fd, "tree/mnt", 0755), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(remove_around_a_mount(p->dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		SKIP_BECAUSE("no mount namespace (only root has one)");
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void many_files_in_one_directory_are_removed(void **state)
{
	struct place *p = *state;
	struct fs_removed removed = {0};
	struct dr_err err = DR_ERR_INIT;
	char name[32];

	assert_int_equal(mkdirat(p->fd, "tree", 0755), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "tree/%d", i);
		put_at(p->fd, name, "");
	}
	assert_int_equal(fs_remove_tree(p->fd, "tree", &removed, &err), 0);
	assert_int_equal(removed.files, 5000);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(beneath_means_beneath),
		IN_PLACE(reading_beneath_waits_for_no_fifo),
		IN_PLACE(file_beyond_the_maximum_is_refused),
		IN_PLACE(directories_are_made_with_their_parents),
		IN_PLACE(written_file_replaces_the_old_one),
		IN_PLACE(written_file_replaces_a_link_and_not_its_target),
		IN_PLACE(failed_write_leaves_nothing_behind),
		IN_PLACE(lock_says_who_holds_it),
		IN_PLACE(removal_counts_what_it_discards),
		IN_PLACE(removal_follows_no_links),
		IN_PLACE(deep_trees_cost_no_stack_and_no_descriptors),
		IN_PLACE(deep_trees_side_by_side_are_removed),
		IN_PLACE(immutable_files_and_directories_are_removed),
		IN_PLACE(removal_enters_no_other_mount),
		IN_PLACE(many_files_in_one_directory_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
