# deskrun-runner, the manager. All but main() is a library, for the tests.
bin_PROGRAMS += deskrun-runner
noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	src/cli/cli.c %D%/cli.h \
	src/cli/cmd_config.c \
	src/cli/cmd_help.c \
	src/cli/cmd_logs.c \
	src/cli/cmd_start.c \
	src/cli/cmd_status.c \
	src/cli/cmd_stop.c \
	src/cli/cmd_version.c \
	src/cli/commands.c %D%/commands.h \
	src/cli/help.c %D%/help.h \
	src/cli/lookup.c %D%/lookup.h \
	src/cli/options.c %D%/options.h \
	src/cli/runners.c %D%/runners.h \
	src/cli/table.c %D%/table.h \
	src/cli/table_json.c

deskrun_runner_SOURCES = src/cli/main.c
deskrun_runner_LDADD = libcli.a librunner.a libengine.a libunpack.a \
	libgithub.a libnet.a libconfig.a libutil.a \
	$(CURL_LIBS) $(ARCHIVE_LIBS) $(YAML_LIBS) $(CRYPTO_LIBS) \
	$(JANSSON_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_options tests/unit/test_table
TESTS += tests/unit/test_options tests/unit/test_table
endif
tests_unit_test_options_SOURCES = tests/unit/test_options.c
tests_unit_test_options_LDADD = $(deskrun_runner_LDADD) $(CMOCKA_LIBS)
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_LDADD = libcli.a $(unit_ldadd)
