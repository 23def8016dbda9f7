noinst_LIBRARIES += libgithub.a
libgithub_a_SOURCES = \
	src/github/access.c \
	src/github/answers.h src/github/answers_json.c \
	src/github/call.c src/github/call.h \
	src/github/github.c src/github/github.h \
	src/github/policy.c src/github/policy.h \
	src/github/release.c \
	src/github/server.c src/github/server.h
