# deskrun.yaml: the one owner of libyaml.
noinst_LIBRARIES += libconfig.a
libconfig_a_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS)
libconfig_a_SOURCES = \
	src/config/checks.c %D%/checks.h \
	src/config/config.c %D%/config.h \
	src/config/conflicts.c \
	src/config/entries.c %D%/entries.h \
	src/config/load.c \
	src/config/paths.c %D%/paths.h \
	src/config/problems.c %D%/problems.h \
	src/config/read.c %D%/read.h \
	src/config/schema.c %D%/schema.h \
	src/config/token.c \
	src/config/values.c %D%/values.h \
	src/config/yaml.c %D%/yaml.h
