/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting the regions of a target to the address ranges that are to be watched. */
#ifndef DAMON_RANGES_H
#define DAMON_RANGES_H

#include "regions.h"

struct damon_range {
	uint64_t start;
	uint64_t end;
};

/**
 * damon_set_regions - make a target's regions cover @ranges, and nothing else
 * @min_region_sz: the target's minimum from now on; borders are aligned to it
 *
 * Regions that stay keep their counters; holes and new ranges get fresh ones; a
 * region over two ranges belongs to the first.  -EINVAL, and no change, if a range
 * is empty, or two overlap or go backwards once aligned; -ENOMEM.
 */
int damon_set_regions(struct damon_region_map *map, size_t target,
		      const struct damon_range *ranges, size_t nr_ranges, uint64_t min_region_sz);

#endif
