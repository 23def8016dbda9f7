# Unit tests: a program a module, by cmocka, through TAP.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=tap
unit_ldadd = libutil.a $(CMOCKA_LIBS) $(JANSSON_LIBS)

# The style and the manuals, held against what is built.
dist_check_SCRIPTS += \
	tests/check-commands tests/check-format tests/check-layers \
	tests/check-manuals
TESTS += tests/check-commands tests/check-format tests/check-layers \
	tests/check-manuals

.PHONY: format
format:
	cd $(srcdir) && $(CLANG_FORMAT) -i $$(find src tests -name '*.[ch]')

# Built by scripts/bench alone.
EXTRA_PROGRAMS = tests/bench/listener tests/bench/worker
CLEANFILES = $(EXTRA_PROGRAMS)
tests_bench_listener_SOURCES = tests/bench/listener.c tests/bench/bench.h
tests_bench_worker_SOURCES = tests/bench/worker.c tests/bench/bench.h
