/* Clocks: one to measure with, one to write down. */
#ifndef DESKRUN_UTIL_CLOCK_H
#define DESKRUN_UTIL_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, nanoseconds */
uint64_t clock_mono_ns(void);
/* CLOCK_REALTIME, milliseconds since 1970 */
uint64_t clock_wall_ms(void);

/* RFC 3339, UTC, milliseconds: "2026-11-25T03:03:25.079Z" and the NUL. */
#define CLOCK_TEXT_SIZE 32
void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE]);
/* Milliseconds since 1970 of an RFC 3339 text, any offset; -1 if it is not. */
int64_t clock_parse(const char *text);

#endif
