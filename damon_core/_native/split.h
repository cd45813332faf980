/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting regions: at random to find structure, and to keep the size limit. */
#ifndef DAMON_SPLIT_H
#define DAMON_SPLIT_H

#include "regions.h"

/**
 * struct damon_split_plan - what the next split does
 * @nr_pieces: pieces of each chosen region; 0: nothing is split
 * @stride: every @stride-th region is chosen
 */
struct damon_split_plan {
	unsigned int nr_pieces;
	size_t stride;
};

struct damon_split_plan damon_plan_split(size_t nr_regions, size_t last_nr_regions,
					 size_t max_nr_regions);

/* The size limit that @min_nr_regions asks for: a multiple of @min_sz, at least one. */
uint64_t damon_size_limit(uint64_t total_size, size_t min_nr_regions, uint64_t min_sz);

/*
 * Cut @left after @size_left bytes; @right becomes the rest.  Both inherit rates
 * and age; what was summed up over the bytes of the window is shared out by size.
 */
void damon_split_region_at(struct damon_region *left, struct damon_region *right,
			   uint64_t size_left);

/* Split every region of one target at random into up to @nr_pieces, at least 1.  0 or -ENOMEM. */
int damon_split_regions_of(struct damon_region_map *map, size_t target, unsigned int nr_pieces);

/* After the reset: split regions, if @max_nr_regions leaves room.  0 or -ENOMEM. */
int damon_split_regions(struct damon_region_map *map, size_t max_nr_regions);

/* Cut regions above the size limit; *ret is the limit for the next merge.  0 or -ENOMEM. */
int damon_apply_min_nr_regions(struct damon_region_map *map, size_t min_nr_regions,
			       uint64_t *ret);

#endif
