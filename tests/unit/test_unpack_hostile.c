#include "archive/unpack.h"

#include "archive/member.h"
#include "unpack_fixture.h"

static void setuid_bits_stay_behind(void **state)
{
	(void)state;
	begin();
	put(entry("su", AE_IFREG, 06755), "x");
	put(entry("dir", AE_IFDIR, 07777), NULL);
	end();
	assert_int_equal(unpack(), 0);
	assert_int_equal(mode("tree/su"), S_IFREG | 0555);
	assert_int_equal(mode("tree/dir"), S_IFDIR | 0555);
}

static void an_absolute_name_is_refused(void **state)
{
	(void)state;
	begin();
	file("good", "x");
	file(absolute, "x");
	end();
	assert_refused(absolute, "absolute");
}

static void a_name_with_dotdot_is_refused(void **state)
{
	(void)state;
	begin();
	file("good", "x");
	file("a/../../evil", "x");
	end();
	assert_refused("member a/../../evil", "\"..\"");
}

static void a_file_does_not_go_through_a_symlink(void **state)
{
	(void)state;
	begin();
	directory("d");
	symbolic("l", "d");
	file("l/evil", "x");
	end();
	assert_refused("member l/evil", "symbolic link stands in its way");
}

static void a_directory_does_not_go_through_a_symlink(void **state)
{
	(void)state;
	begin();
	directory("d");
	symbolic("l", "d");
	directory("l/evil");
	end();
	assert_refused("member l/evil", "symbolic link stands in its way");
}

static void a_file_does_not_replace_a_symlink(void **state)
{
	(void)state;
	begin();
	file("target", "x");
	symbolic("l", "target");
	file("l", "evil");
	end();
	assert_refused("member l", "twice");
}

static void a_directory_does_not_replace_a_symlink(void **state)
{
	(void)state;
	begin();
	directory("d");
	symbolic("l", "d");
	directory("l");
	end();
	assert_refused("member l", "twice");
}

static void a_symlink_out_of_the_tree_is_refused(void **state)
{
	static const char *const targets[] = {"/etc/passwd", "../..",
		"../../evil", "x/../../../evil", "../../inside/d"};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		begin();
		file("good", "x");
		symbolic("d/l", targets[i]);
		end();
		assert_refused("member d/l", "leads out");
	}
}

/* Each text stays inside; followed one after the other they do not. */
static void symlinks_that_lead_out_together_are_refused(void **state)
{
	(void)state;
	begin();
	directory("e");
	symbolic("d/l", "../e");
	symbolic("out", "d/l/../..");
	end();
	assert_refused("member out", "leads out");
}

static void a_hard_link_out_of_the_tree_is_refused(void **state)
{
	static const char *const targets[] = {
		"/etc/passwd", "../outside", "d/../../outside"};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		begin();
		directory("d");
		hard("h", targets[i]);
		end();
		assert_refused("member h", "hard link");
	}
}

static void a_hard_link_is_to_a_file_of_the_archive_alone(void **state)
{
	(void)state;
	begin();
	hard("h", "absent");
	end();
	assert_refused("member h", "hard link");
	begin();
	file("f", "x");
	symbolic("l", "f");
	hard("h", "l");
	end();
	assert_refused("member h", "hard link");
	begin();
	directory("d");
	file("d/f", "x");
	symbolic("l", "d");
	hard("h", "l/f");
	end();
	assert_refused("member h", "hard link");
}

static void devices_and_fifos_are_refused(void **state)
{
	static const mode_t types[] = {AE_IFIFO, AE_IFCHR, AE_IFBLK};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct archive_entry *e = entry("special", types[i], 0666);

		archive_entry_set_rdevmajor(e, 1);
		archive_entry_set_rdevminor(e, 3);
		begin();
		put(e, NULL);
		end();
		assert_refused("member special", "neither file");
	}
}

static void a_member_that_is_there_twice_is_refused(void **state)
{
	(void)state;
	begin();
	file("a/f", "one");
	file("a/./f", "two");
	end();
	assert_refused("member a/./f", "twice");
}

static void a_member_in_the_place_of_the_root_is_refused(void **state)
{
	(void)state;
	begin();
	symbolic("./", "x");
	end();
	assert_refused("member .", "empty name");
}

static void names_are_bounded(void **state)
{
	char name[2000];

	(void)state;
	memset(name, 0, sizeof(name));
	for (int i = 0; i < UNPACK_DEPTH_MAX; i++)
		strcat(name, "d/");
	strcat(name, "f");
	begin();
	file(name, "x");
	end();
	assert_refused("member d/d/", "deep");
	memset(name, 'n', 300);
	name[300] = '\0';
	begin();
	file(name, "x");
	end();
	assert_refused("member nnn", "longer");
	for (int i = 0; i < 1800; i += 2)
		memcpy(name + i, "./", 3);
	begin();
	file(name, "x");
	end();
	assert_refused("member ./", "longer");
}

static void a_name_cannot_write_to_the_terminal(void **state)
{
	(void)state;
	begin();
	file("a\033[2Jb", "x");
	end();
	assert_refused("member a?[2Jb", "control characters");
}

/* 17 GiB of zeroes are announced; not one is read. */
static void a_bomb_is_refused_by_what_it_announces(void **state)
{
	struct archive_entry *e = entry("bomb", AE_IFREG, 0644);

	(void)state;
	archive_entry_set_size(e, (la_int64_t)UNPACK_BYTES_MAX + 1);
	begin();
	assert_int_equal(archive_write_header(t.tar, e), ARCHIVE_OK);
	archive_entry_free(e);
	/* It cannot be closed well without its data. */
	archive_write_free(t.tar);
	assert_refused("member bomb", "bytes in all");
}

static void an_empty_archive_is_refused(void **state)
{
	(void)state;
	begin();
	end();
	assert_refused("a.tar.gz", "nothing in it");
}

static void a_links_text_is_judged_from_where_it_stands(void **state)
{
	static const struct {
		const char *name, *target;
		bool stays;
	} cases[] = {
		{"l", "a", true},
		{"l", "./a/../b", true},
		{"l", "..", false},
		{"l", "a/../..", false},
		{"a/l", "..", true},
		{"a/l", "../..", false},
		{"a/b/l", "../../c/../d", true},
		{"l", "/a", false},
		{"l", "", false},
		{"l", "...", true},
		{"l", "..a", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(member_link_stays(cases[i].name,
					 cases[i].target),
			cases[i].stays);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(setuid_bits_stay_behind),
		TEST(an_absolute_name_is_refused),
		TEST(a_name_with_dotdot_is_refused),
		TEST(a_file_does_not_go_through_a_symlink),
		TEST(a_directory_does_not_go_through_a_symlink),
		TEST(a_file_does_not_replace_a_symlink),
		TEST(a_directory_does_not_replace_a_symlink),
		TEST(a_symlink_out_of_the_tree_is_refused),
		TEST(symlinks_that_lead_out_together_are_refused),
		TEST(a_hard_link_out_of_the_tree_is_refused),
		TEST(a_hard_link_is_to_a_file_of_the_archive_alone),
		TEST(devices_and_fifos_are_refused),
		TEST(a_member_that_is_there_twice_is_refused),
		TEST(a_member_in_the_place_of_the_root_is_refused),
		TEST(names_are_bounded),
		TEST(a_name_cannot_write_to_the_terminal),
		TEST(a_bomb_is_refused_by_what_it_announces),
		TEST(an_empty_archive_is_refused),
		TEST(a_links_text_is_judged_from_where_it_stands),
	};

	return cmocka_run_group_tests_name("unpack hostile", tests, NULL, NULL);
}
