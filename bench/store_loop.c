// SPDX-License-Identifier: Apache-2.0
/*
 * A loop of stores to one word that measures itself.
 *
 * Prints the address of the word.  Then each line of input is a number of stores, and the answer
 * is the time that they took, in ns by the clock of the thread.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile uint64_t word;

static unsigned long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

int main(void)
{
	char line[64];

	printf("%lu\n", (unsigned long)&word);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		size_t nr = strtoul(line, NULL, 10);
		unsigned long begun = now_ns();

		while (nr--)
			word = nr;
		printf("%lu\n", now_ns() - begun);
		fflush(stdout);
	}
	return 0;
}
