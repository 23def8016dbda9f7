noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = \
	src/engine/engine.c src/engine/engine.h \
	src/engine/host.c \
	src/engine/host_slot.c src/engine/host_slot.h \
	src/engine/probe_json.c
libengine_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
