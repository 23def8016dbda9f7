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

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_config tests/unit/test_token
TESTS += tests/unit/test_config tests/unit/test_token
endif
tests_unit_test_config_SOURCES = tests/unit/test_config.c
tests_unit_test_config_LDADD = libconfig.a $(YAML_LIBS) $(unit_ldadd)
tests_unit_test_token_SOURCES = tests/unit/test_token.c
tests_unit_test_token_LDADD = libconfig.a $(YAML_LIBS) $(unit_ldadd)
