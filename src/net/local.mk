noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	src/net/http.c src/net/http.h \
	src/net/http_explain.c \
	src/net/http_internal.h \
	src/net/http_setup.c \
	src/net/url.c src/net/url.h
libnet_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)

EXTRA_DIST += tests/unit/http_helper.py
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_http tests/unit/test_url
TESTS += tests/unit/test_http tests/unit/test_url

tests_unit_test_http_SOURCES = \
	tests/unit/test_http.c tests/unit/http_helper.h
tests_unit_test_http_CPPFLAGS = $(AM_CPPFLAGS) \
	-DUNIT_DIR='"$(abs_srcdir)/tests/unit"'
tests_unit_test_http_LDADD = libnet.a $(CURL_LIBS) $(unit_ldadd)

tests_unit_test_url_SOURCES = tests/unit/test_url.c
tests_unit_test_url_LDADD = libnet.a $(CURL_LIBS) $(unit_ldadd)
endif
