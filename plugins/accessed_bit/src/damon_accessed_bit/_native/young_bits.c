// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "young_bits.h"

#define TABLE_SIZE	(1ULL << PMD_SHIFT)
#define TABLE_PAGES	PTWALK_TABLE_LENGTH
/* A hole this small is cheaper to fill with zeros than to start a new run after. */
#define MAX_HOLE	(128 * TABLE_SIZE)

#ifdef __SSE2__
/* Four entries; only their low halves matter. */
static uint64_t young_of_four(const uint64_t *entries)
{
	__m128 first = _mm_castsi128_ps(_mm_loadu_si128((const __m128i *)entries));
	__m128 last = _mm_castsi128_ps(_mm_loadu_si128((const __m128i *)(entries + 2)));
	__m128i low = _mm_castps_si128(_mm_shuffle_ps(first, last, _MM_SHUFFLE(2, 0, 2, 0)));
	__m128i mapped = _mm_or_si128(_mm_slli_epi32(low, 31), _mm_slli_epi32(low, 23));
	__m128i young = _mm_and_si128(mapped, _mm_slli_epi32(low, 26));

	return (uint64_t)_mm_movemask_ps(_mm_castsi128_ps(young));
}
#else
static uint64_t young_of_four(const uint64_t *entries)
{
	uint64_t bits = 0;

	for (int i = 0; i < 4; i++)
		bits |= (entries[i] >> 5 & (entries[i] | entries[i] >> 8) & 1) << i;
	return bits;
}
#endif

void young_bits_of_table(const uint64_t *table, uint64_t *words)
{
	for (int i = 0; i < YOUNG_WORDS; i++) {
		uint64_t word = 0;

		for (int j = 0; j < 64; j += 4)
			word |= young_of_four(table + 64 * i + j) << j;
		words[i] = word;
	}
}

struct young_bits *young_bits_create(void)
{
	return calloc(1, sizeof(struct young_bits));
}

void young_bits_destroy(struct young_bits *bits)
{
	if (!bits)
		return;
	free(bits->runs);
	free(bits->words);
	free(bits);
}

/* Make room for one more element than @nr, or as many as wanted. */
static int reserve(void **array, size_t *cap, size_t nr, size_t size)
{
	size_t new_cap = *cap ? *cap : 64;
	void *larger;

	while (new_cap < nr)
		new_cap *= 2;
	if (new_cap == *cap)
		return 0;
	larger = realloc(*array, new_cap * size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	*cap = new_cap;
	return 0;
}

static int start_run(struct young_bits *bits, uint64_t start)
{
	int err = reserve((void **)&bits->runs, &bits->cap_runs, bits->nr_runs + 1,
			  sizeof(*bits->runs));

	if (err)
		return err;
	bits->runs[bits->nr_runs++] = (struct young_run){ .start = start, .offset = bits->nr_words };
	return 0;
}

/* Words of the table at @start: of the last run, extended, or of a new one. */
static int words_at(struct young_bits *bits, uint64_t start, uint64_t **ret)
{
	struct young_run *run = bits->nr_runs ? &bits->runs[bits->nr_runs - 1] : NULL;
	uint64_t end = run ? run->start + run->nr * 64 * (1ULL << PTE_SHIFT) : 0;
	size_t nr_new;
	int err;

	if (run && start == end - TABLE_SIZE) {
		*ret = bits->words + bits->nr_words - YOUNG_WORDS;
		return 0;
	}
	if (!run || start < end || start - end > MAX_HOLE) {
		err = start_run(bits, start);
		if (err)
			return err;
		run = &bits->runs[bits->nr_runs - 1];
		end = start;
	}
	nr_new = (size_t)((start - end) / TABLE_SIZE + 1) * YOUNG_WORDS;
	err = reserve((void **)&bits->words, &bits->cap_words, bits->nr_words + nr_new,
		      sizeof(*bits->words));
	if (err)
		return err;
	memset(bits->words + bits->nr_words, 0, nr_new * sizeof(*bits->words));
	bits->nr_words += nr_new;
	run->nr += nr_new;
	*ret = bits->words + bits->nr_words - YOUNG_WORDS;
	return 0;
}

/* Bits of word @i for the pages [first, last) of a table. */
static uint64_t mask_of(int i, uint64_t first, uint64_t last)
{
	uint64_t low = first > 64 * (uint64_t)i ? first - 64 * (uint64_t)i : 0;
	uint64_t high = last > 64 * (uint64_t)i ? last - 64 * (uint64_t)i : 0;

	if (low >= 64 || !high)
		return 0;
	return ~0ULL << low & (high >= 64 ? ~0ULL : (1ULL << high) - 1);
}

/* Leave only the pages of @range; false if none of them was accessed. */
static bool crop(uint64_t *words, uint64_t start, const struct young_range *range)
{
	uint64_t first = range->start > start ? (range->start - start) >> PTE_SHIFT : 0;
	uint64_t last = TABLE_PAGES, any = 0;

	if (range->end < start + TABLE_SIZE)
		last = (range->end - start + (1 << PTE_SHIFT) - 1) >> PTE_SHIFT;
	for (int i = 0; i < YOUNG_WORDS; i++) {
		words[i] &= mask_of(i, first, last);
		any |= words[i];
	}
	return any;
}

static int add_words(struct young_bits *bits, uint64_t *words, uint64_t start,
		     const struct young_range *range)
{
	uint64_t *out;
	int err;

	if (!crop(words, start, range))
		return 0;
	err = words_at(bits, start, &out);
	if (err)
		return err;
	for (int i = 0; i < YOUNG_WORDS; i++)
		out[i] |= words[i];
	return 0;
}

/* All pages of a large one, as far as it lies in @range. */
static int add_large(struct young_bits *bits, uint64_t start, uint64_t size,
		     const struct young_range *range)
{
	uint64_t words[YOUNG_WORDS];
	int err = 0;

	for (uint64_t at = start; at < start + size && !err; at += TABLE_SIZE) {
		if (at + TABLE_SIZE <= range->start || at >= range->end)
			continue;
		memset(words, 0xff, sizeof(words));
		err = add_words(bits, words, at, range);
	}
	return err;
}

static bool is_excluded(uint64_t addr, const struct young_range *excluded, size_t nr)
{
	size_t low = 0;

	while (low < nr) {
		size_t middle = low + (nr - low) / 2;

		if (addr < excluded[middle].start)
			nr = middle;
		else if (addr >= excluded[middle].end)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

static int add_entry(struct young_bits *bits, struct page_walk *walk,
		     const struct ptwalk_entry *entry, const struct young_range *range,
		     const struct young_range *excluded, size_t nr_excluded)
{
	uint64_t kind = entry->va & PTWALK_KIND;
	uint64_t size = 1ULL << (kind == PTWALK_PUD ? PUD_SHIFT : PMD_SHIFT);
	uint64_t start = entry->va & ~(size - 1);
	uint64_t words[YOUNG_WORDS];

	if (kind != PTWALK_TABLE)
		return is_excluded(start, excluded, nr_excluded) ?
			0 : add_large(bits, start, size, range);
	young_bits_of_table(page_walk_table(walk, entry->value), words);
	return add_words(bits, words, start, range);
}

static int scan_range(struct young_bits *bits, struct page_walk *walk, pid_t pid, uint64_t *task,
		      const struct young_range *range, const struct young_range *excluded,
		      size_t nr_excluded)
{
	uint64_t at = range->start;
	int err = 0;

	while (at < range->end && !err) {
		const struct ptwalk_entry *entries = page_walk_entries(walk);
		size_t nr;

		err = page_walk_next(walk, pid, task, at, range->end, &at, &nr);
		for (size_t i = 0; !err && i < nr; i++)
			err = add_entry(bits, walk, &entries[i], range, excluded, nr_excluded);
	}
	return err;
}

int young_bits_scan(struct young_bits *bits, struct page_walk *walk, pid_t pid, uint64_t *task,
		    const struct young_range *ranges, size_t nr_ranges,
		    const struct young_range *excluded, size_t nr_excluded)
{
	int err = 0;

	bits->nr_runs = 0;
	bits->nr_words = 0;
	for (size_t i = 0; i < nr_ranges && !err; i++)
		err = scan_range(bits, walk, pid, task, &ranges[i], excluded, nr_excluded);
	return err;
}
