// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "page_bits.h"

#define WORD_PAGES 64
#define MAX_GAP_WORDS 512	/* 4 KiB of zeros take less time than a run of its own */

void page_bits_init(struct page_bits *bits, unsigned int page_shift)
{
	*bits = (struct page_bits){ .page_shift = page_shift };
}

void page_bits_deinit(struct page_bits *bits)
{
	free(bits->runs);
	free(bits->words);
	page_bits_init(bits, bits->page_shift);
}

void page_bits_clear(struct page_bits *bits)
{
	bits->nr_runs = 0;
	bits->nr_words = 0;
	bits->nr_pages = 0;
}

/* Room for @nr elements; doubles, so that adding one after the other stays cheap. */
static int reserve(void **array, size_t *cap, size_t nr, size_t size)
{
	size_t wanted = *cap ? *cap : 64;
	void *grown;

	if (nr <= *cap)
		return 0;
	while (wanted < nr)
		wanted *= 2;
	grown = realloc(*array, wanted * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*cap = wanted;
	return 0;
}

static struct page_run *last_run(struct page_bits *bits)
{
	return bits->nr_runs ? &bits->runs[bits->nr_runs - 1] : NULL;
}

/* The run in which the page with this number belongs, with the index of its word. */
static int find_run(struct page_bits *bits, uint64_t page, uint64_t *word)
{
	struct page_run *run = last_run(bits);
	int rc;

	if (run && page >= run->start >> bits->page_shift) {
		*word = (page - (run->start >> bits->page_shift)) / WORD_PAGES;
		if (*word < run->nr + MAX_GAP_WORDS)
			return 0;
	}
	rc = reserve((void **)&bits->runs, &bits->cap_runs, bits->nr_runs + 1,
		     sizeof(*bits->runs));
	if (rc)
		return rc;
	bits->runs[bits->nr_runs++] = (struct page_run){
		.start = (page & ~(uint64_t)(WORD_PAGES - 1)) << bits->page_shift,
		.offset = bits->nr_words,
	};
	*word = 0;
	return 0;
}

/* Words of the last run up to @nr, zeroed. */
static int extend(struct page_bits *bits, uint64_t nr)
{
	struct page_run *run = last_run(bits);
	size_t total = run->offset + nr;
	int rc;

	if (nr <= run->nr)
		return 0;
	rc = reserve((void **)&bits->words, &bits->cap_words, total, sizeof(*bits->words));
	if (rc)
		return rc;
	memset(bits->words + bits->nr_words, 0, (total - bits->nr_words) * sizeof(*bits->words));
	bits->nr_words = total;
	run->nr = nr;
	return 0;
}

static void set_bits(uint64_t *words, uint64_t first, uint64_t end)
{
	for (uint64_t bit = first; bit < end;) {
		uint64_t shift = bit % WORD_PAGES;
		uint64_t nr = WORD_PAGES - shift < end - bit ? WORD_PAGES - shift : end - bit;
		uint64_t mask = nr == WORD_PAGES ? ~0ull : ((1ull << nr) - 1) << shift;

		words[bit / WORD_PAGES] |= mask;
		bit += nr;
	}
}

int page_bits_add(struct page_bits *bits, uint64_t start, uint64_t end)
{
	uint64_t page = start >> bits->page_shift;
	uint64_t nr = (end - start) >> bits->page_shift;
	uint64_t word, first;
	int rc;

	if (!nr)
		return 0;
	rc = find_run(bits, page, &word);
	if (rc)
		return rc;
	first = word * WORD_PAGES + page % WORD_PAGES;
	rc = extend(bits, (first + nr + WORD_PAGES - 1) / WORD_PAGES);
	if (rc)
		return rc;
	set_bits(bits->words + last_run(bits)->offset, first, first + nr);
	bits->nr_pages += nr;
	return 0;
}
