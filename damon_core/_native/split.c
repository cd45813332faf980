// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "split.h"

static uint64_t size_of(const struct damon_region *r)
{
	return r->end - r->start;
}

static uint64_t align_down(uint64_t x, uint64_t align)
{
	return x - x % align;
}

void damon_split_region_at(struct damon_region *left, struct damon_region *right,
			   uint64_t size_left)
{
	uint64_t size = size_of(left);

	*right = *left;
	left->end = right->start = left->start + size_left;
	left->accessed_bytes = (unsigned __int128)left->accessed_bytes * size_left / size;
	right->accessed_bytes -= left->accessed_bytes;
	for (int i = 0; i < DAMON_MAX_SOURCES; i++) {
		left->hits[i] = (unsigned __int128)left->hits[i] * size_left / size;
		right->hits[i] -= left->hits[i];
	}
}

/* Size of the left part at a random place, or 0 where that leaves no two parts. */
static uint64_t draw_left_size(struct damon_rand *rand, uint64_t size, uint64_t min_sz)
{
	uint64_t tenths = damon_rand_between(rand, 1, 10);
	uint64_t left = align_down((unsigned __int128)size * tenths / 10, min_sz);

	return left < size ? left : 0;
}

/*
 * Put @r into @out in up to @nr_pieces parts, left parts being split further.
 * Returns how many parts were written, in address order.
 */
static size_t split_one(struct damon_rand *rand, const struct damon_region *r, uint64_t min_sz,
			unsigned int nr_pieces, struct damon_region *out)
{
	struct damon_region *left = &out[nr_pieces - 1];	/* parts grow towards @out */
	size_t nr = 1;

	*left = *r;
	for (unsigned int i = 1; i < nr_pieces && size_of(left) > 2 * min_sz; i++) {
		uint64_t size_left = draw_left_size(rand, size_of(left), min_sz);
		struct damon_region whole = *left;

		if (!size_left)
			continue;
		damon_split_region_at(&whole, left, size_left);
		*--left = whole;
		nr++;
	}
	memmove(out, left, nr * sizeof(*out));
	return nr;
}

static void replace_regions(struct damon_target *t, struct damon_region *regions, size_t nr,
			    size_t cap)
{
	free(t->regions);
	t->regions = regions;
	t->nr_regions = nr;
	t->cap = cap;
}

int damon_split_regions_of(struct damon_region_map *map, size_t target, unsigned int nr_pieces)
{
	struct damon_target *t = &map->targets[target];
	size_t cap = t->nr_regions * nr_pieces, nr = 0;
	struct damon_region *out;

	if (!t->nr_regions)
		return 0;
	out = malloc(cap * sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < t->nr_regions; i++)
		nr += split_one(&map->rand, &t->regions[i], damon_target_min_sz(map, t), nr_pieces,
				out + nr);
	replace_regions(t, out, nr, cap);
	map->generation++;
	return 0;
}

/* *@index counts regions over all targets; each one whose turn it is is halved. */
static int split_some_of(struct damon_region_map *map, struct damon_target *t, size_t stride,
			 size_t *index)
{
	uint64_t min_sz = damon_target_min_sz(map, t);
	size_t cap = t->nr_regions * 2, nr = 0;
	struct damon_region *out;

	if (!t->nr_regions)
		return 0;
	out = malloc(cap * sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < t->nr_regions; i++, ++*index) {
		struct damon_region *r = &t->regions[i];
		uint64_t left = 0;

		if (*index % stride == map->split_rotation % stride && size_of(r) >= 2 * min_sz)
			left = draw_left_size(&map->rand, size_of(r), min_sz);
		out[nr] = *r;
		if (left) {
			damon_split_region_at(&out[nr], &out[nr + 1], left);
			nr++;
		}
		nr++;
	}
	replace_regions(t, out, nr, cap);
	return 0;
}

struct damon_split_plan damon_plan_split(size_t nr_regions, size_t last_nr_regions,
					 size_t max_nr_regions)
{
	struct damon_split_plan plan = { .nr_pieces = 2, .stride = 1 };

	if (nr_regions >= max_nr_regions)
		plan.nr_pieces = 0;
	else if (nr_regions > max_nr_regions / 2)
		plan.stride = max_nr_regions / (max_nr_regions - nr_regions);
	else if (nr_regions == last_nr_regions && nr_regions < max_nr_regions / 3)
		plan.nr_pieces = 3;
	return plan;
}

int damon_split_regions(struct damon_region_map *map, size_t max_nr_regions)
{
	size_t nr_regions = damon_nr_regions(map), index = 0;
	struct damon_split_plan plan;
	int err = 0;

	plan = damon_plan_split(nr_regions, map->last_nr_regions, max_nr_regions);
	map->last_nr_regions = nr_regions;
	if (!plan.nr_pieces)
		return 0;
	if (nr_regions > max_nr_regions / 2) {
		for (size_t i = 0; i < map->nr_targets && !err; i++)
			err = split_some_of(map, &map->targets[i], plan.stride, &index);
		map->split_rotation++;
	} else {
		for (size_t i = 0; i < map->nr_targets && !err; i++)
			err = damon_split_regions_of(map, i, plan.nr_pieces);
	}
	map->generation++;
	return err;
}

uint64_t damon_size_limit(uint64_t total_size, size_t min_nr_regions, uint64_t min_sz)
{
	uint64_t limit = total_size / (min_nr_regions ? min_nr_regions : 1);

	if (limit <= min_sz)
		return min_sz;
	return align_down(limit + min_sz - 1, min_sz);
}

static int cut_regions_of(struct damon_target *t, uint64_t limit)
{
	size_t nr = 0, nr_after = 0;
	struct damon_region *out;

	for (size_t i = 0; i < t->nr_regions; i++)
		nr_after += (size_of(&t->regions[i]) + limit - 1) / limit;
	if (nr_after == t->nr_regions)
		return 0;
	out = malloc(nr_after * sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < t->nr_regions; i++) {
		out[nr] = t->regions[i];
		while (size_of(&out[nr]) > limit) {
			damon_split_region_at(&out[nr], &out[nr + 1], limit);
			nr++;
		}
		nr++;
	}
	replace_regions(t, out, nr, nr_after);
	return 0;
}

int damon_apply_min_nr_regions(struct damon_region_map *map, size_t min_nr_regions, uint64_t *ret)
{
	uint64_t total = damon_total_size(map);
	int err = 0;

	*ret = damon_size_limit(total, min_nr_regions, map->min_region_sz);
	for (size_t i = 0; i < map->nr_targets && !err; i++) {
		struct damon_target *t = &map->targets[i];
		uint64_t min_sz = damon_target_min_sz(map, t);

		err = cut_regions_of(t, damon_size_limit(total, min_nr_regions, min_sz));
	}
	map->generation++;
	return err;
}
