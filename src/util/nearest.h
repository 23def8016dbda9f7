/* What somebody may have meant: the nearest of the words that are known. */
#ifndef DESKRUN_UTIL_NEAREST_H
#define DESKRUN_UTIL_NEAREST_H

struct nearest {
	const char *given;
	const char *found; /* borrowed; NULL: nothing is near */
	unsigned distance;
};

/* Begins a search. */
void nearest_init(struct nearest *n, const char *given);
/* Offers one known word; the first of equally near ones stays. */
void nearest_offer(struct nearest *n, const char *known);

#endif
