// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "merge.h"

static uint32_t abs_diff(uint32_t a, uint32_t b)
{
	return a > b ? a - b : b - a;
}

static uint64_t size_of(const struct damon_region *r)
{
	return r->end - r->start;
}

static uint32_t weighted_mean(uint32_t a, uint64_t size_a, uint32_t b, uint64_t size_b)
{
	return ((unsigned __int128)a * size_a + (unsigned __int128)b * size_b) / (size_a + size_b);
}

uint32_t damon_next_age(const struct damon_region *r, uint32_t threshold)
{
	if (abs_diff(r->nr_accesses, r->last_nr_accesses) > threshold)
		return 0;
	if (!r->nr_accesses != !r->last_nr_accesses)
		return 0;
	return r->age + (r->age != UINT32_MAX);
}

/* last_nr_accesses stays the left one's: the reset that follows replaces it. */
static void merge_into(struct damon_region *left, const struct damon_region *right)
{
	uint64_t size_l = size_of(left), size_r = size_of(right);

	left->nr_accesses = weighted_mean(left->nr_accesses, size_l, right->nr_accesses, size_r);
	left->age = weighted_mean(left->age, size_l, right->age, size_r);
	left->accessed_bytes += right->accessed_bytes;
	for (int i = 0; i < DAMON_MAX_SOURCES; i++)
		left->hits[i] += right->hits[i];
	left->end = right->end;
}

void damon_merge_regions_of(struct damon_target *t, uint32_t threshold, uint64_t sz_limit,
			    bool count_age)
{
	size_t nr = 0;

	for (size_t i = 0; i < t->nr_regions; i++) {
		struct damon_region *r = &t->regions[i];
		struct damon_region *prev = nr ? &t->regions[nr - 1] : NULL;

		if (count_age)
			r->age = damon_next_age(r, threshold);
		if (prev && prev->end == r->start &&
		    abs_diff(prev->nr_accesses, r->nr_accesses) <= threshold &&
		    r->end - prev->start <= sz_limit)
			merge_into(prev, r);
		else if (nr++ != i)
			t->regions[nr - 1] = *r;
	}
	t->nr_regions = nr;
}

uint32_t damon_next_merge_threshold(uint32_t threshold, uint32_t max_threshold)
{
	if (threshold >= max_threshold / 2)
		return max_threshold;
	return threshold ? threshold * 2 : 1;
}

static uint32_t highest_nr_accesses(const struct damon_region_map *map)
{
	uint32_t max_nr = 0;

	for (size_t i = 0; i < map->nr_targets; i++) {
		const struct damon_target *t = &map->targets[i];

		for (size_t j = 0; j < t->nr_regions; j++)
			if (t->regions[j].nr_accesses > max_nr)
				max_nr = t->regions[j].nr_accesses;
	}
	return max_nr;
}

void damon_merge_regions(struct damon_region_map *map, uint32_t max_nr_accesses,
			 size_t max_nr_regions, uint64_t sz_limit)
{
	uint32_t threshold = highest_nr_accesses(map) / 10;
	bool count_age = true;

	for (;;) {
		for (size_t i = 0; i < map->nr_targets; i++) {
			struct damon_target *t = &map->targets[i];
			uint64_t min_sz = damon_target_min_sz(map, t);

			damon_merge_regions_of(t, threshold, sz_limit > min_sz ? sz_limit : min_sz,
					       count_age);
		}
		if (damon_nr_regions(map) <= max_nr_regions || threshold >= max_nr_accesses)
			break;
		threshold = damon_next_merge_threshold(threshold, max_nr_accesses);
		count_age = false;
	}
	map->generation++;
}
