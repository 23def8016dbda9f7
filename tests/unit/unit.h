/* What every unit test includes: cmocka, and how to skip honestly. */
#ifndef DESKRUN_TESTS_UNIT_H
#define DESKRUN_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A skip says why, and is a failure where all tests must run. */
#define SKIP_BECAUSE(reason)                                          \
	do {                                                          \
		const char *must_ = getenv("DESKRUN_TESTS_MUST_RUN"); \
		print_message("# skipped: %s\n", reason);             \
		if (must_ && strcmp(must_, "1") == 0)                 \
			fail_msg("must run, but: %s", reason);        \
		skip();                                               \
	} while (0)

#endif
