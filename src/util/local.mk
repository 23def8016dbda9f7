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
	src/util/slot_json.c \
	src/util/slot_events_json.c \
	src/util/strv.c %D%/strv.h
