// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include "region_index.h"

/* Regions further apart than this get bucket tables of their own. */
#define AREA_GAP (16ULL << 30)
/* More would need wider buckets, and the table of 1000 regions is to fit in the L1 cache. */
#define AREA_MAX_REGIONS 65536
#define BUCKETS_PER_REGION 8
#define MIN_SHIFT 12

void damon_region_index_deinit(struct damon_region_index *index)
{
	free(index->slots);
	free(index->spans);
	free(index->by_pid);
	free(index->areas);
	free(index->buckets);
}

int damon_grow(void *array, size_t *cap, size_t nr, size_t size)
{
	void **p = array, *larger = realloc(*p, (nr ? nr : 1) * size);

	if (!larger)
		return -ENOMEM;
	*p = larger;
	*cap = nr;
	return 0;
}

static int append_area(struct damon_region_index *index, size_t first, size_t end)
{
	uint64_t lo = index->slots[first].start, hi = index->slots[end - 1].end;
	size_t max_buckets = (end - first) * BUCKETS_PER_REGION, nr_buckets, region = first;
	unsigned int shift = MIN_SHIFT;

	while ((hi - lo) >> shift > max_buckets)
		shift++;
	nr_buckets = ((hi - lo) >> shift) + 1;
	if (index->nr_areas == index->cap_areas &&
	    damon_grow(&index->areas, &index->cap_areas, index->nr_areas * 2 + 8, sizeof(*index->areas)))
		return -ENOMEM;
	if (index->nr_buckets + nr_buckets > index->cap_buckets &&
	    damon_grow(&index->buckets, &index->cap_buckets, (index->nr_buckets + nr_buckets) * 2,
		 sizeof(*index->buckets)))
		return -ENOMEM;
	index->areas[index->nr_areas++] = (struct damon_area){
		lo, hi, first, end, index->nr_buckets, shift
	};
	for (size_t i = 0; i < nr_buckets; i++) {
		uint64_t addr = lo + ((uint64_t)i << shift);

		while (region + 1 < end && index->slots[region + 1].start <= addr)
			region++;
		index->buckets[index->nr_buckets++] = region - first;
	}
	return 0;
}

static int append_areas(struct damon_region_index *index, struct damon_span *s)
{
	size_t first = s->first;

	s->first_area = index->nr_areas;
	for (size_t i = first + 1; i <= s->end; i++) {
		if (i < s->end && i - first < AREA_MAX_REGIONS &&
		    index->slots[i].start - index->slots[i - 1].end <= AREA_GAP)
			continue;
		if (append_area(index, first, i))
			return -ENOMEM;
		first = i;
	}
	s->end_area = index->nr_areas;
	return 0;
}

/* Few targets, rarely changed: insertion keeps it simple. */
static void sort_by_pid(struct damon_region_index *index)
{
	for (uint32_t i = 0; i < index->nr_spans; i++) {
		uint32_t at = i;

		for (; at && index->spans[index->by_pid[at - 1]].pid > index->spans[i].pid; at--)
			index->by_pid[at] = index->by_pid[at - 1];
		index->by_pid[at] = i;
	}
}

static int append_span(struct damon_region_index *index, const struct damon_target *t,
		       struct damon_span *s)
{
	*s = (struct damon_span){
		.pid = t->pid,
		.first = index->nr_slots,
		.end = index->nr_slots + t->nr_regions,
	};
	for (size_t i = 0; i < t->nr_regions; i++)
		index->slots[index->nr_slots++] = (struct damon_slot){
			t->regions[i].start, t->regions[i].end
		};
	index->slots[index->nr_slots++] = (struct damon_slot){ .start = UINT64_MAX };
	return append_areas(index, s);
}

static int reserve(struct damon_region_index *index, size_t nr_slots, size_t nr_spans)
{
	size_t cap_by_pid = index->cap_spans;

	if (nr_slots > index->cap_slots &&
	    damon_grow(&index->slots, &index->cap_slots, nr_slots + nr_slots / 2,
		       sizeof(*index->slots)))
		return -ENOMEM;
	if (nr_spans <= index->cap_spans)
		return 0;
	if (damon_grow(&index->by_pid, &cap_by_pid, nr_spans, sizeof(*index->by_pid)))
		return -ENOMEM;
	return damon_grow(&index->spans, &index->cap_spans, nr_spans, sizeof(*index->spans));
}

int damon_region_index_build(struct damon_region_index *index, const struct damon_region_map *map)
{
	index->built = false;
	if (reserve(index, damon_nr_regions(map) + map->nr_targets, map->nr_targets))
		return -ENOMEM;
	index->nr_slots = index->nr_areas = index->nr_buckets = 0;
	index->nr_spans = map->nr_targets;
	for (size_t i = 0; i < map->nr_targets; i++)
		if (append_span(index, &map->targets[i], &index->spans[i]))
			return -ENOMEM;
	sort_by_pid(index);
	index->generation = map->generation;
	index->built = true;
	return 0;
}

bool damon_region_index_fits(const struct damon_region_index *index,
			     const struct damon_region_map *map)
{
	return index->built && index->generation == map->generation;
}

const struct damon_span *damon_find_span(const struct damon_region_index *index, int32_t pid)
{
	size_t lo = 0, hi = index->nr_spans;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct damon_span *s = &index->spans[index->by_pid[mid]];

		if (s->pid == pid)
			return s;
		if (s->pid < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

size_t damon_find_region(const struct damon_region_index *index, const struct damon_span *s,
			 uint64_t addr)
{
	for (size_t i = s->first_area; i < s->end_area; i++) {
		const struct damon_area *a = &index->areas[i];
		size_t region;

		if (addr >= a->hi)
			continue;
		if (addr < a->lo)
			return a->first;
		region = a->first + index->buckets[a->first_bucket + ((addr - a->lo) >> a->shift)];
		while (region + 1 < a->end && index->slots[region + 1].start <= addr)
			region++;
		return region + (index->slots[region].end <= addr);
	}
	return s->end;
}

struct damon_area damon_find_area(const struct damon_region_index *index,
				  const struct damon_span *s, uint64_t addr)
{
	for (size_t i = s ? s->first_area : 0; s && i < s->end_area; i++)
		if (addr - index->areas[i].lo < index->areas[i].hi - index->areas[i].lo)
			return index->areas[i];
	return (struct damon_area){ 0 };
}
