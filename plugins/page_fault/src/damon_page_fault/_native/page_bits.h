/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of pages as bitmaps: few long runs, so that handing them over costs little,
 * with a new run where the gap would cost more words than a run does.
 */
#ifndef PAGE_BITS_H
#define PAGE_BITS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct page_run - pages that follow each other
 * @start: address of the first
 * @offset, @nr: its words, in struct page_bits; bit i of word j is the page 64 * j + i
 */
struct page_run {
	uint64_t start;
	uint64_t offset;
	uint64_t nr;
};

struct page_bits {
	struct page_run *runs;
	size_t nr_runs;
	size_t cap_runs;
	uint64_t *words;
	size_t nr_words;
	size_t cap_words;
	uint64_t nr_pages;
	unsigned int page_shift;
};

void page_bits_init(struct page_bits *bits, unsigned int page_shift);
void page_bits_deinit(struct page_bits *bits);
void page_bits_clear(struct page_bits *bits);

/* Add the pages from @start to @end; in ascending order that makes the fewest runs.  0 or -ENOMEM. */
int page_bits_add(struct page_bits *bits, uint64_t start, uint64_t end);

#endif
