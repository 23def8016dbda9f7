noinst_LIBRARIES += librunner.a
librunner_a_SOURCES = \
	src/runner/converge.c src/runner/converge.h \
	src/runner/home.c src/runner/home.h \
	src/runner/hub.c src/runner/hub.h \
	src/runner/reconcile.c src/runner/reconcile.h \
	src/runner/release.c src/runner/release.h \
	src/runner/roster.c src/runner/roster.h \
	src/runner/session.c src/runner/session.h \
	src/runner/start.c src/runner/start.h \
	src/runner/stop.c src/runner/stop.h \
	src/runner/spec.c src/runner/spec.h \
	src/runner/tail.c src/runner/tail.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_reconcile
TESTS += tests/unit/test_reconcile
tests_unit_test_reconcile_SOURCES = tests/unit/test_reconcile.c
tests_unit_test_reconcile_LDADD = librunner.a libengine.a $(unit_ldadd)
endif
