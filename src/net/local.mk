noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	src/net/http.c src/net/http.h \
	src/net/http_explain.c \
	src/net/http_internal.h \
	src/net/http_setup.c \
	src/net/url.c src/net/url.h
libnet_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
