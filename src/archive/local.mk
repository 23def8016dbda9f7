noinst_LIBRARIES += libunpack.a
libunpack_a_SOURCES = \
	src/archive/digest.c src/archive/digest.h \
	src/archive/extract.c src/archive/extract.h \
	src/archive/member.c src/archive/member.h \
	src/archive/seal.c \
	src/archive/tree.c src/archive/tree.h \
	src/archive/unpack.c src/archive/unpack.h
libunpack_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(CRYPTO_CFLAGS)
