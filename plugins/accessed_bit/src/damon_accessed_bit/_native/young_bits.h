/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages of a process have the accessed bit set: bitmaps of 4 KiB pages,
 * one run for neighbouring page tables.
 */
#ifndef YOUNG_BITS_H
#define YOUNG_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "page_walk.h"

#define YOUNG_WORDS 8		/* of 64 pages: one page table */

/* Bit i of word j: entry 64 * j + i is mapped and was accessed. */
void young_bits_of_table(const uint64_t *table, uint64_t *words);

/**
 * struct young_run - pages that follow each other
 * @start: address of the first, a multiple of 2 MiB
 * @offset, @nr: its words, in struct young_bits
 */
struct young_run {
	uint64_t start;
	uint64_t offset;
	uint64_t nr;
};

struct young_bits {
	struct young_run *runs;
	size_t nr_runs;
	size_t cap_runs;
	uint64_t *words;
	size_t nr_words;
	size_t cap_words;
};

/* @start inclusive, @end exclusive. */
struct young_range {
	uint64_t start;
	uint64_t end;
};

struct young_bits *young_bits_create(void);
void young_bits_destroy(struct young_bits *bits);

/**
 * young_bits_scan() - find the accessed pages of a process
 * @task: as in page_walk_next()
 * @ranges: where to look, ascending
 * @excluded: where large pages are left out, ascending
 *
 * Replaces what @bits had.
 *
 * Return: 0 or a negative errno, as page_walk_next().
 */
int young_bits_scan(struct young_bits *bits, struct page_walk *walk, pid_t pid, uint64_t *task,
		    const struct young_range *ranges, size_t nr_ranges,
		    const struct young_range *excluded, size_t nr_excluded);

#endif
