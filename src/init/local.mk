# deskrun-init is static: jansson and libcap go in whole, nothing is loaded.
pkglibexec_PROGRAMS += deskrun-init
noinst_LIBRARIES += libworlds.a libinit.a

# what worlds are made of
libworlds_a_SOURCES = \
	src/init/ground.h src/init/world.h src/init/janitor.h

# the supervisor and its other faces
libinit_a_SOURCES = \
	src/init/channel.c src/init/channel.h \
	src/init/confine.c \
	src/init/environment.c src/init/environment.h \
	src/init/events.c src/init/events.h \
	src/init/gate.c \
	src/init/handover.c src/init/handover.h \
	src/init/hook.c \
	src/init/hook_json.c src/init/hook_message.h \
	src/init/hook_text.c \
	src/init/hooks.c \
	src/init/init.h \
	src/init/install.c \
	src/init/job.c \
	src/init/listener.c \
	src/init/listener_rules.c src/init/listener_rules.h \
	src/init/loop.c src/init/loop.h \
	src/init/outlog.c src/init/outlog.h \
	src/init/registration.c \
	src/init/relay.c src/init/relay.h \
	src/init/rotated.c src/init/rotated.h \
	src/init/sealed.c src/init/sealed.h \
	src/init/shim.c \
	src/init/shims.c \
	src/init/supervise.c \
	src/init/supervisor.c src/init/supervisor.h \
	src/init/wipes.c

deskrun_init_SOURCES = src/init/main.c
deskrun_init_CFLAGS = $(AM_CFLAGS) $(CAP_CFLAGS)
deskrun_init_LDADD = libinit.a libworlds.a libutil.a
if SANITIZERS
deskrun_init_LDADD += $(JANSSON_LIBS) $(CAP_LIBS)
else
deskrun_init_LDFLAGS = $(AM_LDFLAGS) -static
deskrun_init_LDADD += -ljansson -lcap
endif
