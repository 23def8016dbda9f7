# deskrun-init is static: jansson and libcap go in whole, nothing is loaded.
pkglibexec_PROGRAMS += deskrun-init
noinst_LIBRARIES += libworlds.a libinit.a

# what worlds are made of
libworlds_a_SOURCES = \
	src/init/ground.h src/init/ground.c src/init/ground_priv.h \
	src/init/next.c \
	src/init/masks.h src/init/masks.c src/init/masks_resolve.c \
	src/init/mask_layer.h src/init/mask_layer.c \
	src/init/mounts.h src/init/mounts.c src/init/bases.c \
	src/init/overlay.h src/init/overlay.c \
	src/init/copies.h src/init/copies.c \
	src/init/plan.h src/init/plan.c src/init/plan_run.c \
	src/init/cgroup.h src/init/cgroup.c src/init/cgroup_plan.c \
	src/init/cgroup_dir.h src/init/cgroup_dir.c \
	src/init/caps.h src/init/caps.c \
	src/init/fds.h src/init/fds.c \
	src/init/world.h src/init/world.c src/init/world_try.h \
	src/init/world_child.h src/init/world_child.c \
	src/init/mount_count.h src/init/measure.c \
	src/init/probe.h src/init/probe.c src/init/probe_json.c \
	src/init/janitor.h src/init/janitor.c \
	src/init/collect.h src/init/collect.c
libworlds_a_CFLAGS = $(AM_CFLAGS) $(CAP_CFLAGS)

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
# It is copied to every machine and container: without what only a debugger
# reads.
deskrun_init_LDFLAGS = $(AM_LDFLAGS) -static -Wl,--gc-sections -s
deskrun_init_LDADD += -ljansson -lcap
endif

init_tests = \
	tests/unit/test_channel tests/unit/test_events \
	tests/unit/test_handover tests/unit/test_hook \
	tests/unit/test_listener
if HAVE_CMOCKA
check_PROGRAMS += $(init_tests)
TESTS += $(init_tests)
endif
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c
tests_unit_test_channel_LDADD = libinit.a $(unit_ldadd)
tests_unit_test_events_SOURCES = tests/unit/test_events.c
tests_unit_test_events_LDADD = libinit.a $(unit_ldadd)
tests_unit_test_handover_SOURCES = tests/unit/test_handover.c
tests_unit_test_handover_LDADD = libinit.a $(unit_ldadd)
tests_unit_test_hook_SOURCES = tests/unit/test_hook.c
tests_unit_test_hook_LDADD = libinit.a $(unit_ldadd)
tests_unit_test_listener_SOURCES = tests/unit/test_listener.c
tests_unit_test_listener_LDADD = libinit.a $(unit_ldadd)

if HAVE_CMOCKA
worlds_tests = tests/unit/test_worlds_plan tests/unit/test_world \
	tests/unit/test_world_end
check_PROGRAMS += $(worlds_tests)
TESTS += $(worlds_tests)
tests_unit_test_worlds_plan_SOURCES = tests/unit/test_worlds_plan.c
tests_unit_test_worlds_plan_LDADD = libworlds.a $(unit_ldadd) $(CAP_LIBS)
tests_unit_test_world_SOURCES = tests/unit/test_world.c \
	tests/unit/machine.c tests/unit/machine.h
tests_unit_test_world_LDADD = libworlds.a $(unit_ldadd) $(CAP_LIBS)
tests_unit_test_world_end_SOURCES = tests/unit/test_world_end.c \
	tests/unit/machine.c tests/unit/machine.h
tests_unit_test_world_end_LDADD = libworlds.a $(unit_ldadd) $(CAP_LIBS)
endif
