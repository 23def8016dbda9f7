noinst_LIBRARIES += libutil.a
libutil_a_SOURCES = \
	src/util/buf.c %D%/buf.h \
	src/util/cleanup.h \
	src/util/clock.c %D%/clock.h \
	src/util/err.c %D%/err.h \
	src/util/fs.c %D%/fs.h \
	src/util/fs_remove.c \
	src/util/json.c %D%/json.h \
	src/util/log.c %D%/log.h \
	src/util/nearest.c %D%/nearest.h \
	src/util/proc.c %D%/proc.h \
	src/util/slot.c %D%/slot.h \
	src/util/slot_job_json.h \
	src/util/slot_json.c \
	src/util/slot_events_json.c \
	src/util/strv.c %D%/strv.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fs tests/unit/test_slot tests/unit/test_util
TESTS += tests/unit/test_fs tests/unit/test_slot tests/unit/test_util
endif
tests_unit_test_fs_SOURCES = tests/unit/test_fs.c
tests_unit_test_fs_LDADD = $(unit_ldadd)
tests_unit_test_slot_SOURCES = tests/unit/test_slot.c
tests_unit_test_slot_LDADD = $(unit_ldadd)
tests_unit_test_util_SOURCES = tests/unit/test_util.c
tests_unit_test_util_LDADD = $(unit_ldadd)
