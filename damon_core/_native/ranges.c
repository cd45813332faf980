// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include "ranges.h"

static uint64_t align_down(uint64_t x, uint64_t align)
{
	return x - x % align;
}

static uint64_t align_up(uint64_t x, uint64_t align)
{
	return align_down(x + align - 1, align);
}

static bool valid(const struct damon_range *ranges, size_t nr, uint64_t min_sz)
{
	uint64_t prev_end = 0;

	for (size_t i = 0; i < nr; i++) {
		uint64_t start = align_down(ranges[i].start, min_sz);
		uint64_t end = align_up(ranges[i].end, min_sz);

		if (ranges[i].start >= ranges[i].end || start >= end || start < prev_end)
			return false;
		prev_end = end;
	}
	return true;
}

struct fill {
	struct damon_region *regions;
	size_t nr;
};

static void append(struct fill *out, struct damon_region r)
{
	if (r.start < r.end)
		out->regions[out->nr++] = r;
}

static struct damon_region fresh(uint64_t start, uint64_t end)
{
	return (struct damon_region){ .start = start, .end = end };
}

/* Cover one range with the old regions from *@old on that intersect it. */
static void cover(struct fill *out, const struct damon_target *t, size_t *old,
		  const struct damon_range *range, uint64_t min_sz)
{
	uint64_t at = align_down(range->start, min_sz), end = align_up(range->end, min_sz);
	size_t last;

	while (*old < t->nr_regions && t->regions[*old].end <= range->start)
		++*old;
	for (last = *old; last < t->nr_regions && t->regions[last].start < range->end; last++)
		;
	for (bool first = true; *old < last; ++*old, first = false) {
		struct damon_region r = t->regions[*old];

		r.start = first ? at : align_down(r.start, min_sz);
		r.end = *old + 1 == last ? end : align_down(r.end, min_sz);
		append(out, fresh(at, r.start));
		append(out, r);
		at = r.end > at ? r.end : at;
	}
	append(out, fresh(at, end));
}

int damon_set_regions(struct damon_region_map *map, size_t target,
		      const struct damon_range *ranges, size_t nr_ranges, uint64_t min_region_sz)
{
	struct damon_target *t = &map->targets[target];
	uint64_t min_sz = min_region_sz > map->min_region_sz ? min_region_sz : map->min_region_sz;
	/* each old region once, one hole before each, and one at the end of each range */
	size_t cap = 2 * t->nr_regions + nr_ranges, old = 0;
	struct fill out = { 0 };

	if (!valid(ranges, nr_ranges, min_sz))
		return -EINVAL;
	t->min_region_sz = min_region_sz;
	out.regions = malloc((cap ? cap : 1) * sizeof(*out.regions));
	if (!out.regions)
		return -ENOMEM;
	for (size_t i = 0; i < nr_ranges; i++)
		cover(&out, t, &old, &ranges[i], min_sz);
	free(t->regions);
	t->regions = out.regions;
	t->nr_regions = out.nr;
	t->cap = cap ? cap : 1;
	map->generation++;
	return 0;
}
