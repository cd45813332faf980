// SPDX-License-Identifier: Apache-2.0
/*
 * A loop of page faults that measures itself.
 *
 * Each line of input is a number of pages; they are written for the first time,
 * and the answer is the time that took, in ns by the clock of the thread.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_PAGES (1UL << 16)

static unsigned long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

int main(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, MAX_PAGES * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char line[64];

	if (memory == MAP_FAILED)
		return 1;
	madvise(memory, MAX_PAGES * page, MADV_NOHUGEPAGE);
	while (fgets(line, sizeof(line), stdin)) {
		size_t nr = strtoul(line, NULL, 10);
		unsigned long begun;

		if (nr > MAX_PAGES)
			return 2;
		madvise(memory, nr * page, MADV_DONTNEED);
		begun = now_ns();
		for (size_t i = 0; i < nr; i++)
			((volatile char *)memory)[i * page] = 1;
		printf("%lu\n", now_ns() - begun);
		fflush(stdout);
	}
	return 0;
}
