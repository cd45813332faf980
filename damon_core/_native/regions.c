// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "regions.h"

struct damon_region_map *damon_region_map_create(uint64_t seed, uint64_t min_region_sz)
{
	struct damon_region_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->min_region_sz = min_region_sz;
	damon_rand_init(&map->rand, seed);
	return map;
}

void damon_region_map_destroy(struct damon_region_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->nr_targets; i++)
		free(map->targets[i].regions);
	free(map->targets);
	free(map);
}

int damon_add_target(struct damon_region_map *map, int32_t pid, uint64_t min_region_sz)
{
	struct damon_target *targets;

	targets = realloc(map->targets, (map->nr_targets + 1) * sizeof(*targets));
	if (!targets)
		return -ENOMEM;
	map->targets = targets;
	map->targets[map->nr_targets] = (struct damon_target){
		.pid = pid,
		.min_region_sz = min_region_sz,
	};
	map->generation++;
	return map->nr_targets++;
}

void damon_remove_target(struct damon_region_map *map, size_t target)
{
	struct damon_target *t = &map->targets[target];

	free(t->regions);
	memmove(t, t + 1, (map->nr_targets - target - 1) * sizeof(*t));
	map->nr_targets--;
	map->generation++;
}

size_t damon_nr_regions(const struct damon_region_map *map)
{
	size_t nr = 0;

	for (size_t i = 0; i < map->nr_targets; i++)
		nr += map->targets[i].nr_regions;
	return nr;
}

uint64_t damon_total_size(const struct damon_region_map *map)
{
	uint64_t size = 0;

	for (size_t i = 0; i < map->nr_targets; i++) {
		const struct damon_target *t = &map->targets[i];

		for (size_t j = 0; j < t->nr_regions; j++)
			size += t->regions[j].end - t->regions[j].start;
	}
	return size;
}

uint64_t damon_target_min_sz(const struct damon_region_map *map, const struct damon_target *t)
{
	return t->min_region_sz > map->min_region_sz ? t->min_region_sz : map->min_region_sz;
}

int damon_target_reserve(struct damon_target *t, size_t nr)
{
	struct damon_region *regions;
	size_t cap = t->cap ? t->cap : 16;

	if (nr <= t->cap)
		return 0;
	while (cap < nr)
		cap *= 2;
	regions = realloc(t->regions, cap * sizeof(*regions));
	if (!regions)
		return -ENOMEM;
	t->regions = regions;
	t->cap = cap;
	return 0;
}

int damon_load_regions(struct damon_region_map *map, size_t target,
		       const struct damon_region *regions, size_t nr)
{
	struct damon_target *t = &map->targets[target];
	int err = damon_target_reserve(t, nr);

	if (err)
		return err;
	if (nr)
		memcpy(t->regions, regions, nr * sizeof(*regions));
	t->nr_regions = nr;
	map->generation++;
	return 0;
}

void damon_draw_sampling_addrs(struct damon_region_map *map)
{
	for (size_t i = 0; i < map->nr_targets; i++) {
		struct damon_target *t = &map->targets[i];

		for (size_t j = 0; j < t->nr_regions; j++) {
			struct damon_region *r = &t->regions[j];

			r->sampling_addr = damon_rand_between(&map->rand, r->start, r->end);
		}
	}
}

uint32_t damon_end_tick(struct damon_region_map *map)
{
	uint32_t max_nr = 0;

	for (size_t i = 0; i < map->nr_targets; i++) {
		struct damon_target *t = &map->targets[i];

		for (size_t j = 0; j < t->nr_regions; j++) {
			struct damon_region *r = &t->regions[j];

			r->nr_accesses += r->accessed != 0;
			r->accessed = 0;
			r->accessed_bytes += r->tick_bytes;
			r->tick_bytes = 0;
			if (r->nr_accesses > max_nr)
				max_nr = r->nr_accesses;
		}
	}
	return max_nr;
}

static void start_window(struct damon_region *r)
{
	r->nr_accesses = 0;
	r->accessed_bytes = 0;
	memset(r->hits, 0, sizeof(r->hits));
}

void damon_reset_aggregated(struct damon_region_map *map)
{
	for (size_t i = 0; i < map->nr_targets; i++) {
		struct damon_target *t = &map->targets[i];

		for (size_t j = 0; j < t->nr_regions; j++) {
			t->regions[j].last_nr_accesses = t->regions[j].nr_accesses;
			start_window(&t->regions[j]);
		}
	}
}

static uint32_t convert_nr(uint32_t nr, uint32_t old_max_nr, uint32_t new_max_nr)
{
	uint64_t bp = (uint64_t)nr * 10000 / old_max_nr;

	return bp * new_max_nr / 10000;
}

void damon_update_results(struct damon_region_map *map, uint32_t old_max_nr, uint32_t new_max_nr,
			  uint64_t old_aggr_us, uint64_t new_aggr_us, int aggregating)
{
	for (size_t i = 0; i < map->nr_targets; i++) {
		struct damon_target *t = &map->targets[i];

		for (size_t j = 0; j < t->nr_regions; j++) {
			struct damon_region *r = &t->regions[j];

			r->last_nr_accesses = convert_nr(r->last_nr_accesses, old_max_nr, new_max_nr);
			r->age = (unsigned __int128)r->age * old_aggr_us / new_aggr_us;
			if (aggregating)
				start_window(r);
			else
				r->nr_accesses = convert_nr(r->nr_accesses, old_max_nr, new_max_nr);
		}
	}
}
