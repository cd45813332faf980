/* SPDX-License-Identifier: Apache-2.0 */
/* Ageing of regions, and merging of neighbours that are accessed alike. */
#ifndef DAMON_MERGE_H
#define DAMON_MERGE_H

#include <stdbool.h>
#include "regions.h"

/* Age after a window: 0 where the rate changed by more than @threshold, or from
 * or to nothing (kernel 6.18); else one more. */
uint32_t damon_next_age(const struct damon_region *r, uint32_t threshold);

/* One pass over one target; ages first if @count_age. */
void damon_merge_regions_of(struct damon_target *t, uint32_t threshold, uint64_t sz_limit,
			    bool count_age);

/* Threshold of the pass after one with @threshold; the last one is @max_threshold. */
uint32_t damon_next_merge_threshold(uint32_t threshold, uint32_t max_threshold);

/**
 * damon_merge_regions - end of a window: age, then merge until the limits are kept
 * @max_nr_accesses: ticks in a window, where the threshold stops growing
 * @max_nr_regions: passes with larger thresholds follow while there are more
 * @sz_limit: no merged region is larger (a target's own minimum wins)
 */
void damon_merge_regions(struct damon_region_map *map, uint32_t max_nr_accesses,
			 size_t max_nr_regions, uint64_t sz_limit);

#endif
