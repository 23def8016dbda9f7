#include "util/nearest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* Longer words are not compared: they are no typing errors. */
#define WORD_MAX 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned min = a < b ? a : b;

	return min < c ? min : c;
}

/*
 * The number of insertions, deletions, replacements and swaps of neighbours
 * that lead from a to b (optimal string alignment), case ignored.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];
	size_t len_a = strlen(a), len_b = strlen(b);

	for (unsigned j = 0; j <= len_b; j++)
		last[j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		unsigned *oldest = before;
		int ca = tolower((unsigned char)a[i - 1]);
		int prev_a = i > 1 ? tolower((unsigned char)a[i - 2]) : -1;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= len_b; j++) {
			int cb = tolower((unsigned char)b[j - 1]);

			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				last[j - 1] + (ca != cb));
			if (j > 1 && prev_a == cb &&
				tolower((unsigned char)b[j - 2]) == ca &&
				before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[len_b];
}

void nearest_init(struct nearest *n, const char *given)
{
	*n = (struct nearest){.given = given};
}

void nearest_offer(struct nearest *n, const char *known)
{
	size_t len = strlen(known);
	unsigned d, tolerated = 1 + (unsigned)len / 4;

	if (len > WORD_MAX || strlen(n->given) > WORD_MAX)
		return;
	d = distance(n->given, known);
	/* as many edits as the word has letters make anything of anything */
	if (d > tolerated || d >= len || (n->found && d >= n->distance))
		return;
	n->found = known;
	n->distance = d;
}
