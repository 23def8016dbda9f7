#include "github/server.h"

#include "unit.h"

static void the_api_is_where_the_runner_looks_for_it(void **state)
{
	static const char *const cases[][3] = {
		{"https://github.com", "https://api.github.com",
			"https://github.com/o/r"},
		{"https://www.github.com/", "https://api.github.com",
			"https://www.github.com/o/r"},
		{"https://acme.ghe.com", "https://api.acme.ghe.com",
			"https://acme.ghe.com/o/r"},
		{"http://github.localhost:8080",
			"http://api.github.localhost:8080",
			"http://github.localhost:8080/o/r"},
		{"https://git.acme.example", "https://git.acme.example/api/v3",
			"https://git.acme.example/o/r"},
		{"https://notgithub.com", "https://notgithub.com/api/v3",
			"https://notgithub.com/o/r"},
		{"https://ghe.com", "https://ghe.com/api/v3",
			"https://ghe.com/o/r"},
		{"http://127.0.0.2", "http://127.0.0.2/api/v3",
			"http://127.0.0.2/o/r"},
		{"http://127.0.0.2:81", "http://127.0.0.2:81/api/v3",
			"http://127.0.0.2:81/o/r"},
		{"http://[::1]:81", "http://[::1]:81/api/v3",
			"http://[::1]:81/o/r"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dr_err err = DR_ERR_INIT;
		struct server s;

		if (server_parse(cases[i][0], "o/r", &s, &err) < 0)
			fail_msg("%s: %s", cases[i][0], err.msg);
		assert_string_equal(s.api, cases[i][1]);
		assert_string_equal(s.runner_url, cases[i][2]);
		server_clear(&s);
	}
}

static void plain_http_is_for_loopback_addresses_alone(void **state)
{
	static const char *const bad[] = {"http://github.com",
		"http://10.0.0.1", "http://localhost.example.com",
		"http://acme.ghe.com"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dr_err err = DR_ERR_INIT;
		struct server s;

		assert_int_equal(server_parse(bad[i], "o/r", &s, &err), -1);
		assert_int_equal(err.code, DR_CONFIG);
		assert_non_null(strstr(err.msg, "https"));
	}
}

static void a_url_names_a_server_and_no_more(void **state)
{
	static const char *const bad[] = {"github.com",
		"https://github.com/owner", "https://github.com/?x",
		"https://u:p@github.com", "ssh://github.com"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dr_err err = DR_ERR_INIT;
		struct server s;

		assert_int_equal(server_parse(bad[i], "o/r", &s, &err), -1);
		assert_int_equal(err.code, DR_CONFIG);
		assert_non_null(strstr(err.msg, "github.url"));
	}
}

static void a_target_is_a_scope_of_the_api(void **state)
{
	static const struct {
		const char *target, *scope;
		enum server_target kind;
	} cases[] = {
		{"o/r", "/repos/o/r", SERVER_REPOSITORY},
		{"o/.github", "/repos/o/.github", SERVER_REPOSITORY},
		{"acme-1", "/orgs/acme-1", SERVER_ORGANISATION},
		{"enterprises/acme", "/enterprises/acme", SERVER_ENTERPRISE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dr_err err = DR_ERR_INIT;
		struct server s;

		assert_int_equal(server_parse("https://github.com",
					 cases[i].target, &s, &err),
			0);
		assert_string_equal(s.scope, cases[i].scope);
		assert_int_equal(s.kind, cases[i].kind);
		server_clear(&s);
	}
}

static void a_target_cannot_reach_another_path(void **state)
{
	static const char *const bad[] = {"", "/", "o/", "/r", "o/r/s", "..",
		"o/..", "../r", "./r", "o/r?x", "o/r#x", "o r", "o/%2e%2e",
		"enterprises/", "enterprises/a/b", "o\n/r"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dr_err err = DR_ERR_INIT;
		struct server s;

		if (server_parse("https://github.com", bad[i], &s, &err) == 0)
			fail_msg("%s became %s", bad[i], s.scope);
		assert_int_equal(err.code, DR_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_api_is_where_the_runner_looks_for_it),
		cmocka_unit_test(plain_http_is_for_loopback_addresses_alone),
		cmocka_unit_test(a_url_names_a_server_and_no_more),
		cmocka_unit_test(a_target_is_a_scope_of_the_api),
		cmocka_unit_test(a_target_cannot_reach_another_path),
	};

	return cmocka_run_group_tests_name("github server", tests, NULL, NULL);
}
