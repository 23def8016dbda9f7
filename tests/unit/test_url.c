#include "net/url.h"

#include <stdbool.h>

#include "unit.h"

static void loopback_is_told_from_what_looks_like_it(void **state)
{
	static const char *const yes[] = {"127.0.0.1", "127.255.0.80", "::1",
		"localhost", "github.localhost", "LOCALHOST",
		"::ffff:127.0.0.1"};
	static const char *const no[] = {"128.0.0.1", "::2", "10.0.0.1",
		"notlocalhost", "localhost.example.com", "127.0.0.1.nip.io",
		"0.0.0.0", "", ".localhost"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(url_host_is_loopback(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(url_host_is_loopback(no[i]));
}

static void parts_are_those_that_libcurl_connects_to(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	struct url_parts p;

	(void)state;
	assert_int_equal(url_parse("https://GitHub.com/a/b?c", &p, &err), 0);
	assert_true(p.https && !p.loopback && !p.port_given);
	assert_string_equal(p.host, "github.com");
	assert_int_equal(p.port, 443);
	assert_int_equal(url_parse("http://[::1]:8080", &p, &err), 0);
	assert_true(!p.https && p.loopback && p.port_given);
	assert_string_equal(p.host, "::1");
	assert_int_equal(p.port, 8080);
	/* A short form of 127.0.0.1, as inet_aton(3) has it */
	assert_int_equal(url_parse("http://127.1/", &p, &err), 0);
	assert_true(p.loopback);
}

static void what_is_no_http_url_is_refused(void **state)
{
	static const char *const bad[] = {"", "github.com", "ftp://github.com",
		"file:///etc/passwd", "https://", "https://u:p@github.com",
		"https://git hub.com"};
	struct url_parts p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dr_err err = DR_ERR_INIT;

		assert_int_equal(url_parse(bad[i], &p, &err), -1);
		assert_int_equal(err.code, DR_CONFIG);
		assert_null(strstr(err.msg, "u:p"));
	}
}

static void an_origin_is_scheme_host_and_port(void **state)
{
	struct dr_err err = DR_ERR_INIT;
	struct url_parts a, b;

	(void)state;
	url_parse("https://github.com/a", &a, &err);
	url_parse("https://github.com:443/b", &b, &err);
	assert_true(url_same_origin(&a, &b));
	url_parse("https://github.com:444/b", &b, &err);
	assert_false(url_same_origin(&a, &b));
	url_parse("https://api.github.com/b", &b, &err);
	assert_false(url_same_origin(&a, &b));
}

static void a_shown_url_has_no_secrets(void **state)
{
	static const char *const cases[][2] = {
		{"https://h/p", "https://h/p"},
		{"https://h/p?per_page=100&sig=SECRET&page=2#x",
			"https://h/p?per_page=100&sig=...&page=2"},
		{"https://u:SECRET@h/p?token=SECRET", "https://h/p?token=..."},
		{"https://h/p@q?flag", "https://h/p@q?flag"},
		{"https://h?x=SECRET?page=SECRET", "https://h?x=..."},
		{"nonsense", "nonsense"},
	};
	char out[256], little[12];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		url_display(cases[i][0], out, sizeof(out));
		assert_string_equal(out, cases[i][1]);
	}
	url_display("https://host/path", little, sizeof(little));
	assert_string_equal(little, "https://hos");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_told_from_what_looks_like_it),
		cmocka_unit_test(parts_are_those_that_libcurl_connects_to),
		cmocka_unit_test(what_is_no_http_url_is_refused),
		cmocka_unit_test(an_origin_is_scheme_host_and_port),
		cmocka_unit_test(a_shown_url_has_no_secrets),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
