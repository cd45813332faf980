// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "idle_bitmap.h"

#define WORD_BITS 64
#define RUN_WORDS 64

static int mark_cmp(const void *a, const void *b)
{
	const struct idle_mark *left = a, *right = b;

	return (left->pfn > right->pfn) - (left->pfn < right->pfn);
}

void idle_bitmap_sort(struct idle_mark *marks, size_t nr)
{
	qsort(marks, nr, sizeof(*marks), mark_cmp);
}

/* How many marks lie in one run of neighbouring words. */
static size_t run_len(const struct idle_mark *marks, size_t nr)
{
	uint64_t first = marks[0].pfn / WORD_BITS, last = first;
	size_t len = 1;

	for (; len < nr; len++) {
		uint64_t word = marks[len].pfn / WORD_BITS;

		if (word > last + 1 || word - first >= RUN_WORDS)
			break;
		last = word;
	}
	return len;
}

/* Which word of the run that starts with @first. */
static size_t run_word(const struct idle_mark *first, const struct idle_mark *mark)
{
	return mark->pfn / WORD_BITS - first->pfn / WORD_BITS;
}

static size_t run_size(const struct idle_mark *marks, size_t len)
{
	return (run_word(marks, &marks[len - 1]) + 1) * sizeof(uint64_t);
}

static off_t run_offset(const struct idle_mark *first)
{
	return (off_t)(first->pfn / WORD_BITS * sizeof(uint64_t));
}

static uint64_t word_bit(const struct idle_mark *mark)
{
	return 1ULL << mark->pfn % WORD_BITS;
}

int idle_bitmap_write(int fd, const struct idle_mark *marks, size_t nr)
{
	size_t len;

	for (; nr; marks += len, nr -= len) {
		uint64_t run[RUN_WORDS] = { 0 };

		len = run_len(marks, nr);
		for (size_t i = 0; i < len; i++)
			run[run_word(marks, &marks[i])] |= word_bit(&marks[i]);
		/* ENXIO: beyond the last page frame, which is no page to mark. */
		if (pwrite(fd, run, run_size(marks, len), run_offset(marks)) < 0 && errno != ENXIO)
			return -errno;
	}
	return 0;
}

int idle_bitmap_read(int fd, struct idle_mark *marks, size_t nr)
{
	size_t len;

	for (; nr; marks += len, nr -= len) {
		uint64_t run[RUN_WORDS] = { 0 };

		len = run_len(marks, nr);
		if (pread(fd, run, run_size(marks, len), run_offset(marks)) < 0)
			return -errno;
		for (size_t i = 0; i < len; i++)
			marks[i].is_set = run[run_word(marks, &marks[i])] & word_bit(&marks[i]);
	}
	return 0;
}
