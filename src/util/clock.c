#include "util/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t clock_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/*
 * By hand, because strptime(3), strftime(3) and timegm(3) bring locales and
 * time zones into a static program: 60 kB of deskrun-init.
 *
 * Days since 1970 and back, in the proleptic Gregorian calendar; a year is
 * counted from March, so that the leap day is its last.
 */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t since_march = (month + 9) % 12;
	int64_t of_year = (153 * since_march + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int64_t *month,
	int64_t *day)
{
	int64_t d = days + 719468, of_year, since_march;
	int64_t era = d / 146097, of_era = d % 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 -
			    of_era / 146096) /
		365;

	of_year = of_era - (365 * y + y / 4 - y / 100);
	since_march = (5 * of_year + 2) / 153;
	*day = of_year - (153 * since_march + 2) / 5 + 1;
	*month = since_march < 10 ? since_march + 3 : since_march - 9;
	*year = y + era * 400 + (*month <= 2);
}

void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
	uint64_t seconds = wall_ms / 1000u, of_day = seconds % 86400u;
	int64_t year, month, day;

	date_from_days((int64_t)(seconds / 86400u), &year, &month, &day);
	/* years beyond four digits are not RFC 3339, and not ours */
	snprintf(out, CLOCK_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)(year % 10000), (unsigned)(month % 100),
		(unsigned)(day % 100), (unsigned)(of_day / 3600u) % 100u,
		(unsigned)(of_day / 60u % 60u), (unsigned)(of_day % 60u),
		(unsigned)(wall_ms % 1000u));
}

/* Reads as many digits, then the mark (0: none); false when they are not. */
static bool take(const char **p, int digits, char mark, int64_t *value)
{
	*value = 0;
	for (int i = 0; i < digits; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*value = *value * 10 + (**p - '0');
	}
	if (mark == '\0')
		return true;
	return *(*p)++ == mark;
}

static int64_t take_fraction(const char **p)
{
	int64_t ms = 0, scale = 100;

	if (**p != '.')
		return 0;
	for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
		ms += (**p - '0') * scale;
	return ms;
}

/* Seconds east of UTC; false when it is neither "Z" nor "+hh:mm". */
static bool take_offset(const char *p, int64_t *offset)
{
	int64_t hours, minutes;
	char sign = *p;

	*offset = 0;
	if (strcmp(p, "Z") == 0)
		return true;
	if (sign != '+' && sign != '-')
		return false;
	p++;
	if (!take(&p, 2, ':', &hours) || !take(&p, 2, 0, &minutes) || *p)
		return false;
	*offset = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return true;
}

int64_t clock_parse(const char *text)
{
	const char *p = text;
	int64_t year, month, day, hour, minute, second, ms, offset;

	if (!take(&p, 4, '-', &year) || !take(&p, 2, '-', &month) ||
		!take(&p, 2, 'T', &day) || !take(&p, 2, ':', &hour) ||
		!take(&p, 2, ':', &minute) || !take(&p, 2, 0, &second))
		return -1;
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
		minute > 59 || second > 60)
		return -1;
	ms = take_fraction(&p);
	if (!take_offset(p, &offset))
		return -1;
	return (days_from_date(year, month, day) * 86400 + hour * 3600 +
		       minute * 60 + second - offset) *
		1000 +
		ms;
}
