noinst_LIBRARIES += librunner.a
librunner_a_SOURCES = \
	src/runner/reconcile.c src/runner/reconcile.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_reconcile
TESTS += tests/unit/test_reconcile
tests_unit_test_reconcile_SOURCES = tests/unit/test_reconcile.c
tests_unit_test_reconcile_LDADD = librunner.a libengine.a $(unit_ldadd)
endif
