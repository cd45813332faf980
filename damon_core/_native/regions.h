/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The regions of all targets of one context, and what happens to them each tick.
 *
 * Regions of a target are sorted, do not overlap, and may leave holes.  Rules and
 * names are those of DAMON (Documentation/mm/damon/design.rst).
 */
#ifndef DAMON_REGIONS_H
#define DAMON_REGIONS_H

#include <stddef.h>
#include <stdint.h>
#include "rand.h"

#define DAMON_MAX_SOURCES 8

/**
 * struct damon_region - addresses [@start, @end) that are thought equally hot
 * @sampling_addr: address drawn for the tick under way
 * @nr_accesses: ticks of this window in which the region was accessed
 * @last_nr_accesses: the same of the previous window
 * @age: windows for which the access rate has stayed similar
 * @accessed: bit mask of the sources that saw an access in this tick
 * @tick_bytes: bytes that page-granular sources saw accessed in this tick
 * @accessed_bytes: sum of @tick_bytes over the window
 * @hits: reports credited in this window, by source
 */
struct damon_region {
	uint64_t start;
	uint64_t end;
	uint64_t sampling_addr;
	uint32_t nr_accesses;
	uint32_t last_nr_accesses;
	uint32_t age;
	uint32_t accessed;
	uint64_t tick_bytes;
	uint64_t accessed_bytes;
	uint64_t hits[DAMON_MAX_SOURCES];
};

struct damon_target {
	int32_t pid;			/* 0: physical memory */
	uint64_t min_region_sz;		/* power of two */
	struct damon_region *regions;
	size_t nr_regions;
	size_t cap;
};

struct damon_region_map {
	struct damon_target *targets;
	size_t nr_targets;
	uint64_t min_region_sz;		/* of the context */
	uint64_t generation;		/* changes whenever a border does */
	size_t last_nr_regions;		/* before the previous split */
	size_t split_rotation;
	struct damon_rand rand;
};

struct damon_region_map *damon_region_map_create(uint64_t seed, uint64_t min_region_sz);
void damon_region_map_destroy(struct damon_region_map *map);

/* Index of the new target, or -ENOMEM.  Indexes of later targets shift on removal. */
int damon_add_target(struct damon_region_map *map, int32_t pid, uint64_t min_region_sz);
void damon_remove_target(struct damon_region_map *map, size_t target);

size_t damon_nr_regions(const struct damon_region_map *map);
uint64_t damon_total_size(const struct damon_region_map *map);
/* The smallest region of @t: the larger of the context's and its own minimum. */
uint64_t damon_target_min_sz(const struct damon_region_map *map, const struct damon_target *t);

/* Make room for @nr regions; the old ones stay.  0 or -ENOMEM. */
int damon_target_reserve(struct damon_target *t, size_t nr);
/* Replace all regions of a target, as they are: for tests and for loading. */
int damon_load_regions(struct damon_region_map *map, size_t target,
		       const struct damon_region *regions, size_t nr);

/* Start of a tick: draw a sampling address for each region. */
void damon_draw_sampling_addrs(struct damon_region_map *map);
/* End of a tick: one update of nr_accesses for each region; the highest one. */
uint32_t damon_end_tick(struct damon_region_map *map);
/* End of a window, after the snapshot: this window becomes the last one. */
void damon_reset_aggregated(struct damon_region_map *map);

/**
 * damon_update_results - convert what was counted under other intervals
 * @aggregating: in the middle of a window, whose part so far is thrown away
 */
void damon_update_results(struct damon_region_map *map, uint32_t old_max_nr, uint32_t new_max_nr,
			  uint64_t old_aggr_us, uint64_t new_aggr_us, int aggregating);

#endif
