// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "crediting.h"

struct damon_matcher *damon_matcher_create(bool physical)
{
	struct damon_matcher *m = calloc(1, sizeof(*m));

	if (m)
		m->physical = physical;
	return m;
}

static void free_filters(struct damon_filter *filters, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free((void *)filters[i].ids);
	free(filters);
}

void damon_matcher_destroy(struct damon_matcher *m)
{
	if (!m)
		return;
	damon_region_index_deinit(&m->index);
	free(m->hits);
	free(m->bytes);
	free(m->sampling_addrs);
	free_filters(m->filters, m->nr_filters);
	free(m);
}

int damon_matcher_set_filters(struct damon_matcher *m, const struct damon_filter *filters,
			      size_t nr_filters)
{
	struct damon_filter *copy = calloc(nr_filters ? nr_filters : 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < nr_filters; i++) {
		size_t size = filters[i].nr_ids * sizeof(*filters[i].ids);
		int32_t *ids = malloc(size ? size : 1);

		if (!ids) {
			free_filters(copy, i);
			return -ENOMEM;
		}
		if (size)
			memcpy(ids, filters[i].ids, size);
		copy[i] = filters[i];
		copy[i].ids = ids;
	}
	free_filters(m->filters, m->nr_filters);
	m->filters = copy;
	m->nr_filters = nr_filters;
	return 0;
}

void damon_matcher_set_sampled(struct damon_matcher *m, uint64_t page_size)
{
	m->sampled_page = page_size;
}

void damon_matcher_set_not_before(struct damon_matcher *m, uint64_t time_ns)
{
	m->not_before_ns = time_ns;
}

static int reserve(struct damon_matcher *m, size_t nr)
{
	size_t cap = m->cap;

	if (nr <= m->cap)
		return 0;
	nr += nr / 2;
	if (damon_grow(&m->hits, &cap, nr, sizeof(*m->hits)) ||
	    damon_grow(&m->bytes, &cap, nr, sizeof(*m->bytes)) ||
	    damon_grow(&m->sampling_addrs, &cap, nr, sizeof(*m->sampling_addrs)))
		return -ENOMEM;
	m->cap = cap;
	return 0;
}

static int learn_borders(struct damon_matcher *m, const struct damon_region_map *map)
{
	if (damon_region_index_build(&m->index, map))
		return -ENOMEM;
	if (reserve(m, m->index.nr_slots)) {
		m->index.built = false;
		return -ENOMEM;
	}
	memset(m->hits, 0, m->index.nr_slots * sizeof(*m->hits));
	memset(m->bytes, 0, m->index.nr_slots * sizeof(*m->bytes));
	return 0;
}

int damon_matcher_begin_tick(struct damon_matcher *m, const struct damon_region_map *map)
{
	size_t nr = 0;

	if (!damon_region_index_fits(&m->index, map) && learn_borders(m, map))
		return -ENOMEM;
	if (!m->sampled_page)
		return 0;
	for (size_t i = 0; i < map->nr_targets; i++, nr++)
		for (size_t j = 0; j < map->targets[i].nr_regions; j++)
			m->sampling_addrs[nr++] = map->targets[i].regions[j].sampling_addr;
	return 0;
}

void damon_matcher_drain(struct damon_matcher *m, struct damon_ring *ring,
			 struct damon_report_counters *counters)
{
	const struct damon_access_report *reports;
	/* A producer that never rests must not keep the tick from ending. */
	size_t nr, left = 2 * damon_ring_cap(ring);

	while (left && (nr = damon_ring_peek(ring, &reports))) {
		if (nr > left)
			nr = left;
		damon_matcher_credit(m, reports, nr, counters);
		damon_ring_consume(ring, nr);
		left -= nr;
	}
	counters->lost += damon_ring_end_interval(ring);
}

int damon_matcher_fold(struct damon_matcher *m, struct damon_region_map *map, unsigned int source)
{
	size_t nr = 0;

	if (!damon_region_index_fits(&m->index, map))
		return -ESTALE;
	for (size_t i = 0; i < map->nr_targets; i++, nr++) {
		struct damon_target *t = &map->targets[i];

		for (size_t j = 0; j < t->nr_regions; j++, nr++) {
			struct damon_region *r = &t->regions[j];
			uint64_t size = r->end - r->start;

			if (m->hits[nr]) {
				r->hits[source] += m->hits[nr];
				r->accessed |= 1U << source;
				m->hits[nr] = 0;
			}
			if (m->bytes[nr] > r->tick_bytes)
				r->tick_bytes = m->bytes[nr] < size ? m->bytes[nr] : size;
			m->bytes[nr] = 0;
		}
	}
	return 0;
}
