/* What the two bench programs agree on. */
#ifndef DESKRUN_TESTS_BENCH_H
#define DESKRUN_TESTS_BENCH_H

#include <stdint.h>
#include <time.h>

/* What a Worker reports on its pipe before it ends; CLOCK_MONOTONIC, ns */
struct bench_report {
	uint64_t began; /* main() was entered */
	uint64_t hook;	/* duration of the completed hook; 0: not run */
	uint64_t ended; /* just before _exit(2) */
};

static inline uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
