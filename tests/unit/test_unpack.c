#include "archive/unpack.h"

#include <sys/file.h>

#include "archive/digest.h"
#include "archive/tree.h"
#include "unpack_fixture.h"

static void a_tree_is_read_only_and_as_it_was_packed(void **state)
{
	char before[256], after[256];

	(void)state;
	begin();
	directory("./");
	file("./config.sh", "hello");
	directory("./bin/");
	put(entry("./bin/run", AE_IFREG, 0755), "x");
	file("implied//by/./name", "");
	hard("./bin/same", "./bin/run");
	symbolic("./bin/link", "../config.sh");
	symbolic("./dangling", "nowhere");
	end();
	assert_non_null(getcwd(before, sizeof(before)));
	if (unpack() < 0)
		fail_msg("%s", t.err.msg);
	assert_non_null(getcwd(after, sizeof(after)));
	assert_string_equal(before, after);
	assert_int_equal(mode("tree"), S_IFDIR | 0555);
	assert_int_equal(mode("tree/bin"), S_IFDIR | 0555);
	assert_int_equal(mode("tree/implied/by"), S_IFDIR | 0555);
	assert_int_equal(mode("tree/config.sh"), S_IFREG | 0444);
	assert_int_equal(mode("tree/bin/run"), S_IFREG | 0555);
	assert_int_equal(mode("tree/implied/by/name"), S_IFREG | 0444);
	assert_text("tree/bin/link", "hello");
	assert_text("tree/bin/same", "x");
	assert_int_equal(count(t.inside, "."), 1);
}

static void cut_to(off_t length)
{
	char name[96];

	snprintf(name, sizeof(name), "%s/a.tar.gz", t.dir);
	assert_int_equal(truncate(name, length), 0);
}

/* Random enough that the archive has some length */
static void big_archive(void)
{
	static char data[400000];
	unsigned seed = 1;

	for (size_t i = 0; i < sizeof(data) - 1; i++) {
		seed = seed * 1103515245u + 12345u;
		data[i] = (char)('!' + (seed >> 16) % 90);
	}
	data[sizeof(data) - 1] = '\0';
	begin();
	file("first", "x");
	file("second", data);
	end();
}

static void a_truncated_archive_is_refused(void **state)
{
	(void)state;
	big_archive();
	cut_to(200000);
	assert_refused("member second", "truncated");
	cut_to(0);
	assert_refused("a.tar.gz", "");
}

static void what_is_no_archive_is_refused(void **state)
{
	int fd = openat(t.fd, "a.tar.gz", O_WRONLY | O_CREAT, 0644);

	(void)state;
	assert_int_equal(fs_write_full(fd, "<html>Not Found</html>", 22), 0);
	close(fd);
	assert_refused("a.tar.gz", "");
}

static void digest_of_archive(char hex[DIGEST_HEX_SIZE])
{
	int fd = openat(t.fd, "a.tar.gz", O_RDONLY | O_CLOEXEC);

	assert_int_equal(digest_file(fd, "a.tar.gz", hex, &t.err), 0);
	close(fd);
}

static void one_flipped_bit_is_refused_before_anything_is_read(void **state)
{
	char good[DIGEST_HEX_SIZE], bad[DIGEST_HEX_SIZE], byte;
	struct unpack_request r = {.sha256 = good};
	int fd;

	(void)state;
	big_archive();
	digest_of_archive(good);
	fd = openat(t.fd, "a.tar.gz", O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, 4000), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 4000), 1);
	close(fd);
	digest_of_archive(bad);
	assert_int_equal(unpack_with(&r), -1);
	assert_int_equal(t.err.code, DR_FAILED);
	assert_non_null(strstr(t.err.msg, good));
	assert_non_null(strstr(t.err.msg, bad));
	assert_int_equal(count(t.inside, "."), 0);
}

static void the_right_digest_is_accepted_in_either_case(void **state)
{
	char hex[DIGEST_HEX_SIZE];
	struct unpack_request r = {.sha256 = hex};

	(void)state;
	big_archive();
	digest_of_archive(hex);
	for (char *p = hex; *p; p++) {
		if (*p >= 'a' && *p <= 'f')
			*p -= 'a' - 'A';
	}
	assert_int_equal(unpack_with(&r), 0);
	assert_int_equal(mode("tree/second"), S_IFREG | 0444);
}

static void a_digest_that_is_none_is_refused(void **state)
{
	struct unpack_request r = {.sha256 = "abc"};

	(void)state;
	big_archive();
	assert_int_equal(unpack_with(&r), -1);
	assert_non_null(strstr(t.err.msg, "abc"));
}

/* The well-known one of "abc" (FIPS 180-4) */
static void a_digest_is_of_the_whole_file(void **state)
{
	char hex[DIGEST_HEX_SIZE];
	int fd = openat(t.fd, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(fs_write_full(fd, "abc", 3), 0);
	assert_int_equal(digest_file(fd, "f", hex, &t.err), 0);
	assert_string_equal(hex,
		"ba7816bf8f01cfea414140de5dae2223"
		"b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
	close(fd);
	assert_int_equal(digest_file(-1, "f", hex, &t.err), -1);
	assert_non_null(strstr(t.err.msg, "read f: "));
}

static void what_is_there_already_is_left_alone(void **state)
{
	(void)state;
	mkdirat(t.inside, "tree", 0755);
	begin();
	file("f", "x");
	end();
	assert_int_equal(unpack(), 0);
	assert_int_equal(count(t.inside, "tree"), 0);
}

static void leftovers_of_the_dead_are_removed_those_of_the_living_not(
	void **state)
{
	int living;

	(void)state;
	mkdirat(t.inside, ".tree.1-0.unpacking", 0700);
	mkdirat(t.inside, ".tree.1-0.unpacking/sub", 0755);
	close(openat(t.inside, ".tree.1-0.unpacking/sub/f", O_CREAT | O_WRONLY,
		0444));
	assert_int_equal(fchmodat(t.inside, ".tree.1-0.unpacking/sub", 0555, 0),
		0);
	mkdirat(t.inside, ".tree.2-0.unpacking", 0700);
	mkdirat(t.inside, ".tree2.2-0.unpacking", 0700);
	living = openat(t.inside, ".tree.2-0.unpacking", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(living, LOCK_EX), 0);
	begin();
	file("f", "x");
	end();
	assert_int_equal(unpack(), 0);
	close(living);
	mode("tree");
	mode(".tree.2-0.unpacking");
	mode(".tree2.2-0.unpacking");
	assert_int_equal(count(t.inside, "."), 3);
}

static volatile sig_atomic_t interrupted;

static void interrupt_soon(void *arg, uint64_t done, uint64_t total)
{
	(void)done;
	(void)total;
	*(int *)arg += 1;
	interrupted = 1;
}

static void an_interruption_leaves_nothing(void **state)
{
	int calls = 0;
	struct unpack_request r = {
		.interrupted = &interrupted,
		.progress = interrupt_soon,
		.progress_arg = &calls,
	};

	(void)state;
	interrupted = 0;
	big_archive();
	assert_int_equal(unpack_with(&r), -1);
	assert_int_equal(t.err.code, DR_INTERRUPTED);
	assert_int_equal(calls, 1);
	assert_int_equal(count(t.inside, "."), 0);
}

static void a_runner_has_the_layout_that_is_relied_on(void **state)
{
	(void)state;
	begin();
	put(entry("config.sh", AE_IFREG, 0755), "x");
	put(entry("bin/Runner.Listener", AE_IFREG, 0755), "x");
	put(entry("bin/Runner.Worker", AE_IFREG, 0644), "x");
	directory("externals");
	end();
	assert_int_equal(unpack(), 0);
	assert_int_equal(tree_check(t.inside, "T", &t.err), -1);
	assert_non_null(strstr(t.err.msg, "T is not a runner"));
	assert_non_null(strstr(t.err.msg, "bin is not there"));
	close(t.inside);
	t.inside = openat(t.fd, "inside/tree", O_RDONLY | O_CLOEXEC);
	assert_int_equal(tree_check(t.inside, "T", &t.err), -1);
	assert_non_null(strstr(t.err.msg, "bin/Runner.Worker is no program"));
	assert_int_equal(fchmodat(t.inside, "bin/Runner.Worker", 0755, 0), 0);
	assert_int_equal(tree_check(t.inside, "T", &t.err), 0);
	fchmod(t.inside, 0755);
	close(openat(t.inside, ".credentials", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(tree_check(t.inside, "T", &t.err), -1);
	assert_non_null(strstr(t.err.msg, "used before"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tree_is_read_only_and_as_it_was_packed),
		TEST(a_truncated_archive_is_refused),
		TEST(what_is_no_archive_is_refused),
		TEST(one_flipped_bit_is_refused_before_anything_is_read),
		TEST(the_right_digest_is_accepted_in_either_case),
		TEST(a_digest_that_is_none_is_refused),
		TEST(a_digest_is_of_the_whole_file),
		TEST(what_is_there_already_is_left_alone),
		TEST(leftovers_of_the_dead_are_removed_those_of_the_living_not),
		TEST(an_interruption_leaves_nothing),
		TEST(a_runner_has_the_layout_that_is_relied_on),
	};

	return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
