# deskrun-init is static: jansson and libcap go in whole, nothing is loaded.
pkglibexec_PROGRAMS += deskrun-init
noinst_LIBRARIES += libworlds.a libinit.a

# what worlds are made of
libworlds_a_SOURCES = \
	src/init/ground.h src/init/world.h src/init/janitor.h

# the supervisor and its other faces
libinit_a_SOURCES =

deskrun_init_SOURCES = src/init/main.c
deskrun_init_CFLAGS = $(AM_CFLAGS) $(CAP_CFLAGS)
deskrun_init_LDADD = libinit.a libworlds.a libutil.a
if SANITIZERS
deskrun_init_LDADD += $(JANSSON_LIBS) $(CAP_LIBS)
else
deskrun_init_LDFLAGS = $(AM_LDFLAGS) -static
deskrun_init_LDADD += -ljansson -lcap
endif
