#include "net/http.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "http_helper.h"
#include "util/clock.h"
#include "util/log.h"

#define TOKEN "ghp_notToBeSeen"

static volatile sig_atomic_t interrupted;
static char directory[] = "/tmp/test_http.XXXXXX";

struct fixture {
	struct http_client *client;
	struct http_response response;
	struct dr_err err;
	char url[512];
};

static int set_up(void **state)
{
	static struct fixture f;
	const struct http_options options = {
		.user_agent = "deskrun-test", .interrupted = &interrupted};

	f.err = DR_ERR_INIT;
	interrupted = 0;
	http_response_init(&f.response);
	f.client = http_client_new(&options, &f.err);
	*state = &f;
	return f.client ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	http_response_clear(&f->response);
	http_client_free(f->client);
	return 0;
}

static const char *at(struct fixture *f, const char *path)
{
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d%s", helper.port,
		path);
	return f->url;
}

static int get(struct fixture *f, const char *path)
{
	const struct http_request request = {
		.url = at(f, path), .token = TOKEN};

	return http_perform(f->client, &request, &f->response, &f->err);
}

static bool answer_has(const struct fixture *f, const char *text)
{
	return strstr(f->response.body.data, text) != NULL;
}

static void an_answer_of_any_status_is_success(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/nowhere"), 0);
	assert_int_equal(f->response.status, 404);
	assert_true(answer_has(f, "Not Found"));
	assert_int_equal(get(f, "/echo"), 0);
	assert_int_equal(f->response.status, 200);
}

static void a_request_is_sent_as_it_was_given(void **state)
{
	static const char *const headers[] = {"Accept: x/y", NULL};
	struct fixture *f = *state;
	const struct http_request request = {
		.method = "POST",
		.url = at(f, "/echo"),
		.token = TOKEN,
		.headers = headers,
		.body = "{\\}",
	};

	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		0);
	assert_true(answer_has(f, "\"method\": \"POST\""));
	assert_true(answer_has(f, "\"authorization\": \"Bearer " TOKEN "\""));
	assert_true(answer_has(f, "\"accept\": \"x/y\""));
	assert_true(answer_has(f, "\"agent\": \"deskrun-test\""));
	assert_true(answer_has(f, "\"body\": \"{\\\\}\""));
}

static void connections_are_reused(void **state)
{
	struct fixture *f = *state;
	char first[512];

	assert_int_equal(get(f, "/echo"), 0);
	snprintf(first, sizeof(first), "%s", f->response.body.data);
	assert_int_equal(get(f, "/echo"), 0);
	assert_string_equal(first, f->response.body.data);
}

static void headers_are_found_whatever_their_case(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/echo"), 0);
	assert_string_equal(http_header(&f->response, "x-tOLD"), "twice");
	assert_null(http_header(&f->response, "x-tol"));
	assert_null(http_header(&f->response, "absent"));
}

static void a_redirect_keeps_method_body_and_token_on_its_server(void **state)
{
	struct fixture *f = *state;
	const struct http_request request = {
		.method = "POST",
		.url = at(f, "/redirect?status=307&to=/echo"),
		.token = TOKEN,
		.body = "again",
	};

	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		0);
	assert_int_equal(f->response.status, 200);
	assert_true(answer_has(f, "\"method\": \"POST\""));
	assert_true(answer_has(f, "\"body\": \"again\""));
	assert_true(answer_has(f, TOKEN));
	/* of the last answer, not the redirect's */
	assert_string_equal(http_header(&f->response, "X-Told"), "twice");
}

static void a_see_other_becomes_a_get(void **state)
{
	struct fixture *f = *state;
	const struct http_request request = {
		.method = "POST",
		.url = at(f, "/redirect?status=303&to=/echo"),
		.body = "once",
	};

	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		0);
	assert_true(answer_has(f, "\"method\": \"GET\""));
	assert_true(answer_has(f, "\"body\": \"\""));
}

static void a_redirect_to_another_port_drops_the_token(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "/redirect?to=http://127.0.0.1:%d/echo",
		helper.other_port);
	assert_int_equal(get(f, path), 0);
	assert_true(answer_has(f, "\"authorization\": null"));
}

/* Back where it came from, the token stays dropped. */
static void a_dropped_token_does_not_come_back(void **state)
{
	struct fixture *f = *state;
	char path[256];

	snprintf(path, sizeof(path),
		"/redirect?to=http://127.0.0.1:%d/redirect"
		"%%3Fto%%3Dhttp://127.0.0.1:%d/echo",
		helper.other_port, helper.port);
	assert_int_equal(get(f, path), 0);
	assert_true(answer_has(f, "\"authorization\": null"));
}

static void a_redirect_off_the_machine_by_plain_http_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/redirect?to=http://192.0.2.1/x%3Fs%3DSECRET"),
		-1);
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_non_null(strstr(f->err.msg, "192.0.2.1"));
	assert_non_null(strstr(f->err.msg, "not encrypted"));
	assert_null(strstr(f->err.msg, "SECRET"));
}

static void a_redirect_to_another_scheme_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/redirect?to=file:///etc/passwd"), -1);
	assert_int_equal(f->err.code, DR_NETWORK);
}

static void redirects_in_a_circle_end(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/circle"), -1);
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_non_null(strstr(f->err.msg, "redirects"));
}

static void plain_http_is_for_this_machine_alone(void **state)
{
	struct fixture *f = *state;
	const struct http_request request = {
		.url = "http://192.0.2.1/", .token = TOKEN};

	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		-1);
	assert_int_equal(f->err.code, DR_CONFIG);
	assert_false(f->response.sent);
}

static void no_proxy_comes_between_this_machine_and_itself(void **state)
{
	struct fixture *f = *state;

	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	setenv("all_proxy", "http://127.0.0.1:1/", 1);
	assert_int_equal(get(f, "/echo"), 0);
	unsetenv("http_proxy");
	unsetenv("all_proxy");
}

static void a_proxy_of_the_environment_is_taken_for_other_hosts(void **state)
{
	struct fixture *f = *state;
	const struct http_request request = {
		.url = "https://github.example/", .token = TOKEN};

	setenv("https_proxy", "http://user:SECRET@127.0.0.1:1/", 1);
	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		-1);
	unsetenv("https_proxy");
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_non_null(strstr(f->err.msg, "connection refused"));
	assert_null(strstr(f->err.msg, "SECRET"));
}

static void a_refused_connection_is_named(void **state)
{
	struct fixture *f = *state;
	const struct http_request request = {.url = "http://127.0.0.1:1/"};

	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		-1);
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_int_equal(f->err.sys_errno, ECONNREFUSED);
	assert_string_equal(f->err.msg,
		"connect to 127.0.0.1: connection refused");
	assert_false(f->response.sent);
}

static void a_longer_body_than_accepted_is_refused(void **state)
{
	struct fixture *f = *state;
	struct http_request request = {
		.url = at(f, "/bytes?n=1000"), .max = 1000};

	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		0);
	assert_int_equal(f->response.body.len, 1000);
	request.max = 999;
	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		-1);
	assert_non_null(strstr(f->err.msg, "longer"));
}

static void half_an_answer_is_none(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/short"), -1);
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_true(f->response.sent);
	assert_int_equal(get(f, "/abort"), -1);
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_true(f->response.sent);
}

static void a_late_answer_is_given_up(void **state)
{
	struct fixture *f = *state;
	const struct http_request request = {
		.url = at(f, "/hang"), .timeout_s = 1};

	assert_int_equal(http_perform(f->client, &request, &f->response,
				 &f->err),
		-1);
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_non_null(strstr(f->err.msg, "within 1 s"));
}

static void on_alarm(int number)
{
	(void)number;
	interrupted = 1;
}

static void an_interruption_ends_a_request_at_once(void **state)
{
	struct fixture *f = *state;
	const struct itimerval soon = {.it_value.tv_usec = 100000};
	uint64_t begun = clock_mono_ns();
	struct sigaction action = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(get(f, "/hang"), -1);
	assert_int_equal(f->err.code, DR_INTERRUPTED);
	assert_true(clock_mono_ns() - begun < 3000000000u);
}

/* What is logged by -v while one request is redirected */
static void secrets_are_in_no_log_line(void **state)
{
	struct fixture *f = *state;
	char text[4096] = "", name[64];
	int kept = dup(2), fd;
	ssize_t n;

	snprintf(name, sizeof(name), "%s/log", directory);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(kept >= 0 && fd >= 0);
	dup2(fd, 2);
	log_init("test", LOG_VERBOSE);
	get(f, "/redirect?to=/echo%3Fsig%3DSECRET%26page%3D2");
	log_init("test", LOG_NORMAL);
	dup2(kept, 2);
	n = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	close(kept);
	assert_true(n > 0);
	assert_non_null(strstr(text, "GET http://127.0.0.1:"));
	assert_non_null(strstr(text, "/echo?sig=...&page=2: 200, "));
	assert_null(strstr(text, "SECRET"));
	assert_null(strstr(text, TOKEN));
}

static int open_target(void)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/download", directory);
	return open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
}

static off_t length(int fd)
{
	struct stat st = {0};

	fstat(fd, &st);
	return st.st_size;
}

static void note_progress(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *last = arg;

	assert_true(done >= *last);
	assert_true(total == 0 || done <= total);
	*last = done;
}

static void a_download_goes_to_its_descriptor_and_tells_how_far(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0;
	const struct http_download download = {
		.url = at(f, "/redirect?to=/bytes%3Fn%3D3000000"),
		.token = TOKEN,
		.fd = open_target(),
		.max = 3000000,
		.progress = note_progress,
		.progress_arg = &last,
	};

	assert_int_equal(http_download(f->client, &download, &f->response,
				 &f->err),
		0);
	assert_int_equal(f->response.status, 200);
	assert_int_equal(length(download.fd), 3000000);
	assert_int_equal(last, 3000000);
	close(download.fd);
}

static void a_refused_download_writes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct http_download download = {
		.url = at(f, "/nowhere"), .fd = open_target()};

	assert_int_equal(http_download(f->client, &download, &f->response,
				 &f->err),
		0);
	assert_int_equal(f->response.status, 404);
	assert_int_equal(length(download.fd), 0);
	assert_true(answer_has(f, "Not Found"));
	close(download.fd);
}

static void a_download_is_not_longer_than_accepted(void **state)
{
	struct fixture *f = *state;
	const struct http_download download = {
		.url = at(f, "/bytes?n=100001"),
		.fd = open_target(),
		.max = 100000,
	};

	assert_int_equal(http_download(f->client, &download, &f->response,
				 &f->err),
		-1);
	assert_true(length(download.fd) <= 100000);
	close(download.fd);
}

static void a_broken_download_is_told_from_a_whole_one(void **state)
{
	struct fixture *f = *state;
	const struct http_download download = {
		.url = at(f, "/short"), .fd = open_target()};

	assert_int_equal(http_download(f->client, &download, &f->response,
				 &f->err),
		-1);
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_string_equal(f->err.msg,
		"127.0.0.1: the answer broke off after 10 bytes");
	close(download.fd);
}

static void a_full_disk_is_no_network_failure(void **state)
{
	struct fixture *f = *state;
	const struct http_download download = {
		.url = at(f, "/bytes?n=10"),
		.fd = open("/dev/full", O_WRONLY | O_CLOEXEC),
	};

	assert_int_equal(http_download(f->client, &download, &f->response,
				 &f->err),
		-1);
	assert_int_equal(f->err.code, DR_FAILED);
	assert_int_equal(f->err.sys_errno, ENOSPC);
	close(download.fd);
}

static int get_by_tls(const char *ca_file, struct http_response *response,
	struct dr_err *err)
{
	const struct http_options options = {
		.user_agent = "deskrun-test", .ca_file = ca_file};
	auto_http_client struct http_client *client = http_client_new(&options,
		err);
	char url[64];
	const struct http_request request = {.url = url};

	if (!client)
		return -1;
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/echo",
		helper.tls_port);
	return http_perform(client, &request, response, err);
}

static void an_authority_of_ones_own_is_trusted_when_named(void **state)
{
	struct fixture *f = *state;
	char name[64];

	if (!helper.tls_port)
		SKIP_BECAUSE("no openssl program");
	snprintf(name, sizeof(name), "%s/ca.pem", directory);
	assert_int_equal(get_by_tls(NULL, &f->response, &f->err), -1);
	assert_int_equal(f->err.code, DR_NETWORK);
	assert_non_null(strstr(f->err.msg, "ca_file"));
	assert_int_equal(get_by_tls(name, &f->response, &f->err), 0);
	assert_int_equal(f->response.status, 200);
	assert_int_equal(get_by_tls("/nowhere", &f->response, &f->err), -1);
	assert_int_equal(f->err.code, DR_CONFIG);
}

static int start_all(void **state)
{
	static const char *const proxies[] = {"http_proxy", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
		"NO_PROXY"};
	bool tls = access("/usr/bin/openssl", X_OK) == 0;

	(void)state;
	/* Whoever runs this may have proxies of their own. */
	for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++)
		unsetenv(proxies[i]);
	return mkdtemp(directory) ? helper_start(tls ? directory : NULL) : -1;
}

static int stop_all(void **state)
{
	char command[128];

	(void)state;
	helper_stop();
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_of_any_status_is_success),
		TEST(a_request_is_sent_as_it_was_given),
		TEST(connections_are_reused),
		TEST(headers_are_found_whatever_their_case),
		TEST(a_redirect_keeps_method_body_and_token_on_its_server),
		TEST(a_see_other_becomes_a_get),
		TEST(a_redirect_to_another_port_drops_the_token),
		TEST(a_dropped_token_does_not_come_back),
		TEST(a_redirect_off_the_machine_by_plain_http_is_refused),
		TEST(a_redirect_to_another_scheme_is_refused),
		TEST(redirects_in_a_circle_end),
		TEST(plain_http_is_for_this_machine_alone),
		TEST(no_proxy_comes_between_this_machine_and_itself),
		TEST(a_proxy_of_the_environment_is_taken_for_other_hosts),
		TEST(a_refused_connection_is_named),
		TEST(a_longer_body_than_accepted_is_refused),
		TEST(half_an_answer_is_none),
		TEST(a_late_answer_is_given_up),
		TEST(an_interruption_ends_a_request_at_once),
		TEST(secrets_are_in_no_log_line),
		TEST(a_download_goes_to_its_descriptor_and_tells_how_far),
		TEST(a_refused_download_writes_nothing),
		TEST(a_download_is_not_longer_than_accepted),
		TEST(a_broken_download_is_told_from_a_whole_one),
		TEST(a_full_disk_is_no_network_failure),
		TEST(an_authority_of_ones_own_is_trusted_when_named),
	};

	return cmocka_run_group_tests_name("http", tests, start_all, stop_all);
}
