// SPDX-License-Identifier: Apache-2.0
#include "page_bitmap.h"

uint64_t damon_bitmap_nr_set(const struct damon_page_bitmap *b, uint64_t first, uint64_t end)
{
	uint64_t w = first / 64, last = end / 64, nr;
	uint64_t head = ~0ULL << (first % 64), tail = ~(~0ULL << (end % 64));

	if (first >= end)
		return 0;
	if (w == last)
		return __builtin_popcountll(b->words[w] & head & tail);
	nr = __builtin_popcountll(b->words[w++] & head);
	for (; w < last; w++)
		nr += __builtin_popcountll(b->words[w]);
	return tail ? nr + __builtin_popcountll(b->words[w] & tail) : nr;
}

bool damon_bitmap_is_set(const struct damon_page_bitmap *b, uint64_t page)
{
	return page < b->nr_pages && b->words[page / 64] >> (page % 64) & 1;
}

uint64_t damon_bitmap_page_of(const struct damon_page_bitmap *b, uint64_t addr)
{
	return addr <= b->start ? 0 : (addr - b->start) / b->page_size;
}

uint64_t damon_bitmap_bytes(const struct damon_page_bitmap *b, uint64_t first, uint64_t last,
			    uint64_t lo, uint64_t hi)
{
	uint64_t bytes = damon_bitmap_nr_set(b, first, last) * b->page_size;

	if (damon_bitmap_is_set(b, first))
		bytes -= lo - (b->start + first * b->page_size);
	if (damon_bitmap_is_set(b, last - 1))
		bytes -= b->start + last * b->page_size - hi;
	return bytes;
}
