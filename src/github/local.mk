noinst_LIBRARIES += libgithub.a
libgithub_a_SOURCES = \
	src/github/access.c \
	src/github/answers.h src/github/answers_json.c \
	src/github/call.c src/github/call.h \
	src/github/github.c src/github/github.h \
	src/github/policy.c src/github/policy.h \
	src/github/release.c \
	src/github/server.c src/github/server.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_github \
	tests/unit/test_github_json \
	tests/unit/test_github_server \
	tests/unit/test_policy
TESTS += \
	tests/unit/test_github \
	tests/unit/test_github_json \
	tests/unit/test_github_server \
	tests/unit/test_policy
github_ldadd = libgithub.a libnet.a $(CURL_LIBS) $(unit_ldadd)

tests_unit_test_github_SOURCES = \
	tests/unit/test_github.c tests/unit/http_helper.h
tests_unit_test_github_CPPFLAGS = $(AM_CPPFLAGS) \
	-DUNIT_DIR='"$(abs_srcdir)/tests/unit"'
tests_unit_test_github_LDADD = $(github_ldadd)

tests_unit_test_github_json_SOURCES = tests/unit/test_github_json.c
tests_unit_test_github_json_LDADD = $(github_ldadd)

tests_unit_test_github_server_SOURCES = tests/unit/test_github_server.c
tests_unit_test_github_server_LDADD = $(github_ldadd)

tests_unit_test_policy_SOURCES = tests/unit/test_policy.c
tests_unit_test_policy_LDADD = $(github_ldadd)
endif
