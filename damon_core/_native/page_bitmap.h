/* SPDX-License-Identifier: Apache-2.0 */
/* A run of pages as a bitmap: bit i (LSB first) is the page i from the start. */
#ifndef DAMON_PAGE_BITMAP_H
#define DAMON_PAGE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

struct damon_page_bitmap {
	uint64_t start, page_size, nr_pages;
	const uint64_t *words;
};

/* Set bits among pages [@first, @end). */
uint64_t damon_bitmap_nr_set(const struct damon_page_bitmap *b, uint64_t first, uint64_t end);
bool damon_bitmap_is_set(const struct damon_page_bitmap *b, uint64_t page);
/* The page that @addr is in; the first one for addresses before it. */
uint64_t damon_bitmap_page_of(const struct damon_page_bitmap *b, uint64_t addr);
/* Bytes of set pages [@first, @last) within [@lo, @hi), which cuts the outer two. */
uint64_t damon_bitmap_bytes(const struct damon_page_bitmap *b, uint64_t first, uint64_t last,
			    uint64_t lo, uint64_t hi);

#endif
