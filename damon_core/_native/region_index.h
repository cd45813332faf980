/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index of region borders: which region is an address in?
 *
 * Each target's regions are a span; a span is cut into areas at large gaps; an
 * area has a table of equal buckets, each naming the region at its start.  So a
 * look-up costs the same for ten regions and for ten thousand, in a dense or a
 * sparse address space.  Made anew when borders change.
 */
#ifndef DAMON_REGION_INDEX_H
#define DAMON_REGION_INDEX_H

#include <stdbool.h>
#include "regions.h"

/* Regions [@first, @end) at addresses [@lo, @hi), without large gaps; 65536 of them at most. */
struct damon_area {
	uint64_t lo, hi;
	size_t first, end;
	size_t first_bucket;
	unsigned int shift;
};

/* The regions [@first, @end) of one target, and its areas. */
struct damon_span {
	int32_t pid;
	size_t first, end;
	size_t first_area, end_area;
};

/* A region's borders; one more behind each span has a start that no address reaches. */
struct damon_slot {
	uint64_t start, end;
};

struct damon_region_index {
	struct damon_slot *slots;
	size_t nr_slots, cap_slots;
	struct damon_span *spans;	/* by index of target */
	uint32_t *by_pid;		/* indexes of spans in ascending order of pid */
	size_t nr_spans, cap_spans;
	struct damon_area *areas;
	size_t nr_areas, cap_areas;
	uint16_t *buckets;		/* a region, counted from the first of its area */
	size_t nr_buckets, cap_buckets;
	uint64_t generation;		/* of the map that it was built from */
	bool built;
};

void damon_region_index_deinit(struct damon_region_index *index);
/* Learn all borders of @map.  0 or -ENOMEM. */
int damon_region_index_build(struct damon_region_index *index, const struct damon_region_map *map);
/* Whether the borders are still those that were learnt. */
bool damon_region_index_fits(const struct damon_region_index *index,
			     const struct damon_region_map *map);

/* The span of a process, or NULL. */
const struct damon_span *damon_find_span(const struct damon_region_index *index, int32_t pid);
/* The area that @addr is in, or an empty one. */
struct damon_area damon_find_area(const struct damon_region_index *index,
				  const struct damon_span *span, uint64_t addr);
/* The first region of @span that ends behind @addr; span->end if there is none. */
size_t damon_find_region(const struct damon_region_index *index, const struct damon_span *span,
			 uint64_t addr);

/* Make room for @nr elements of @size in *(void **)@array.  0 or -ENOMEM. */
int damon_grow(void *array, size_t *cap, size_t nr, size_t size);

#endif
