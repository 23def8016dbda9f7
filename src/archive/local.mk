noinst_LIBRARIES += libunpack.a
libunpack_a_SOURCES = \
	src/archive/digest.c src/archive/digest.h \
	src/archive/extract.c src/archive/extract.h \
	src/archive/member.c src/archive/member.h \
	src/archive/seal.c \
	src/archive/tree.c src/archive/tree.h \
	src/archive/unpack.c src/archive/unpack.h
libunpack_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(CRYPTO_CFLAGS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_unpack tests/unit/test_unpack_hostile
TESTS += tests/unit/test_unpack tests/unit/test_unpack_hostile
unpack_ldadd = libunpack.a $(ARCHIVE_LIBS) $(CRYPTO_LIBS) $(unit_ldadd)

tests_unit_test_unpack_SOURCES = \
	tests/unit/test_unpack.c tests/unit/unpack_fixture.h
tests_unit_test_unpack_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
tests_unit_test_unpack_LDADD = $(unpack_ldadd)

tests_unit_test_unpack_hostile_SOURCES = \
	tests/unit/test_unpack_hostile.c tests/unit/unpack_fixture.h
tests_unit_test_unpack_hostile_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
tests_unit_test_unpack_hostile_LDADD = $(unpack_ldadd)
endif
