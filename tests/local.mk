# Unit tests: a program a module, by cmocka, through TAP.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=tap
EXTRA_DIST += tests/unit/unit.h
unit_ldadd = libutil.a $(CMOCKA_LIBS) $(JANSSON_LIBS)
