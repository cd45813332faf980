// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "matcher.h"

/* Regions further apart than this get bucket tables of their own. */
#define AREA_GAP (16ULL << 30)
#define BUCKETS_PER_REGION 8
#define MIN_SHIFT 12

struct area {
	uint64_t lo, hi;
	size_t first, end;		/* regions [first, end) */
	size_t first_bucket;
	unsigned int shift;
};

struct span {				/* the regions of one target */
	int32_t pid;
	size_t first, end;
	size_t first_area, end_area;
};

struct damon_matcher {
	bool physical;
	uint64_t sampled_page;		/* 0: any page counts */
	uint64_t not_before_ns;
	uint64_t generation;
	bool built;

	size_t nr_regions, nr_spans, nr_areas, nr_buckets;
	size_t cap_regions, cap_spans, cap_areas, cap_buckets;
	uint64_t *starts, *ends, *sampling_addrs;
	uint32_t *hits;
	uint64_t *bytes;
	struct span *spans;
	uint32_t *by_pid;		/* spans in ascending order of pid */
	struct area *areas;
	uint32_t *buckets;

	struct damon_filter *filters;
	size_t nr_filters;
};

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
	free(m->starts);
	free(m->ends);
	free(m->sampling_addrs);
	free(m->hits);
	free(m->bytes);
	free(m->spans);
	free(m->by_pid);
	free(m->areas);
	free(m->buckets);
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

static int grow(void *array, size_t *cap, size_t nr, size_t size)
{
	void **p = array, *larger = realloc(*p, (nr ? nr : 1) * size);

	if (!larger)
		return -ENOMEM;
	*p = larger;
	*cap = nr;
	return 0;
}

static int reserve_regions(struct damon_matcher *m, size_t nr)
{
	size_t cap = nr + nr / 2 + 16;

	if (nr <= m->cap_regions)
		return 0;
	if (grow(&m->starts, &m->cap_regions, cap, sizeof(*m->starts)) ||
	    grow(&m->ends, &m->cap_regions, cap, sizeof(*m->ends)) ||
	    grow(&m->sampling_addrs, &m->cap_regions, cap, sizeof(*m->sampling_addrs)) ||
	    grow(&m->hits, &m->cap_regions, cap, sizeof(*m->hits)) ||
	    grow(&m->bytes, &m->cap_regions, cap, sizeof(*m->bytes))) {
		m->cap_regions = 0;
		return -ENOMEM;
	}
	return 0;
}

static int reserve_spans(struct damon_matcher *m, size_t nr)
{
	if (nr <= m->cap_spans)
		return 0;
	if (grow(&m->spans, &m->cap_spans, nr, sizeof(*m->spans)) ||
	    grow(&m->by_pid, &m->cap_spans, nr, sizeof(*m->by_pid))) {
		m->cap_spans = 0;
		return -ENOMEM;
	}
	return 0;
}

static int append_area(struct damon_matcher *m, size_t first, size_t end)
{
	uint64_t lo = m->starts[first], hi = m->ends[end - 1];
	size_t max_buckets = (end - first) * BUCKETS_PER_REGION, nr_buckets, region = first;
	unsigned int shift = MIN_SHIFT;

	while ((hi - lo) >> shift > max_buckets)
		shift++;
	nr_buckets = ((hi - lo) >> shift) + 1;
	if (m->nr_areas == m->cap_areas &&
	    grow(&m->areas, &m->cap_areas, m->nr_areas * 2 + 8, sizeof(*m->areas)))
		return -ENOMEM;
	if (m->nr_buckets + nr_buckets > m->cap_buckets &&
	    grow(&m->buckets, &m->cap_buckets, (m->nr_buckets + nr_buckets) * 2,
		 sizeof(*m->buckets)))
		return -ENOMEM;
	m->areas[m->nr_areas++] = (struct area){ lo, hi, first, end, m->nr_buckets, shift };
	for (size_t i = 0; i < nr_buckets; i++) {
		uint64_t addr = lo + ((uint64_t)i << shift);

		while (region + 1 < end && m->starts[region + 1] <= addr)
			region++;
		m->buckets[m->nr_buckets++] = region;
	}
	return 0;
}

static int append_areas(struct damon_matcher *m, struct span *s)
{
	size_t first = s->first;

	s->first_area = m->nr_areas;
	for (size_t i = first + 1; i <= s->end; i++) {
		if (i < s->end && m->starts[i] - m->ends[i - 1] <= AREA_GAP)
			continue;
		if (append_area(m, first, i))
			return -ENOMEM;
		first = i;
	}
	s->end_area = m->nr_areas;
	return 0;
}

/* Few targets, rarely changed: insertion keeps it simple. */
static void sort_by_pid(struct damon_matcher *m)
{
	for (uint32_t i = 0; i < m->nr_spans; i++) {
		uint32_t at = i;

		for (; at && m->spans[m->by_pid[at - 1]].pid > m->spans[i].pid; at--)
			m->by_pid[at] = m->by_pid[at - 1];
		m->by_pid[at] = i;
	}
}

static int build(struct damon_matcher *m, const struct damon_region_map *map)
{
	size_t nr = 0;

	m->built = false;
	if (reserve_regions(m, damon_nr_regions(map)) || reserve_spans(m, map->nr_targets))
		return -ENOMEM;
	m->nr_areas = m->nr_buckets = 0;
	m->nr_spans = map->nr_targets;
	for (size_t i = 0; i < map->nr_targets; i++) {
		const struct damon_target *t = &map->targets[i];
		struct span *s = &m->spans[i];

		*s = (struct span){ .pid = t->pid, .first = nr, .end = nr + t->nr_regions };
		for (size_t j = 0; j < t->nr_regions; j++, nr++) {
			m->starts[nr] = t->regions[j].start;
			m->ends[nr] = t->regions[j].end;
		}
		if (append_areas(m, s))
			return -ENOMEM;
	}
	m->nr_regions = nr;
	memset(m->hits, 0, nr * sizeof(*m->hits));
	memset(m->bytes, 0, nr * sizeof(*m->bytes));
	sort_by_pid(m);
	m->generation = map->generation;
	m->built = true;
	return 0;
}

int damon_matcher_begin_tick(struct damon_matcher *m, const struct damon_region_map *map)
{
	size_t nr = 0;

	if ((!m->built || m->generation != map->generation) && build(m, map))
		return -ENOMEM;
	if (!m->sampled_page)
		return 0;
	for (size_t i = 0; i < map->nr_targets; i++)
		for (size_t j = 0; j < map->targets[i].nr_regions; j++)
			m->sampling_addrs[nr++] = map->targets[i].regions[j].sampling_addr;
	return 0;
}

static const struct span *find_span(const struct damon_matcher *m, int32_t pid)
{
	size_t lo = 0, hi = m->nr_spans;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct span *s = &m->spans[m->by_pid[mid]];

		if (s->pid == pid)
			return s;
		if (s->pid < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* The first region of @s that ends behind @addr; s->end if there is none. */
static inline size_t find_region(const struct damon_matcher *m, const struct span *s, uint64_t addr)
{
	for (size_t i = s->first_area; i < s->end_area; i++) {
		const struct area *a = &m->areas[i];
		size_t region;

		if (addr >= a->hi)
			continue;
		if (addr < a->lo)
			return a->first;
		region = m->buckets[a->first_bucket + ((addr - a->lo) >> a->shift)];
		while (region + 1 < a->end && m->starts[region + 1] <= addr)
			region++;
		return region + (m->ends[region] <= addr);
	}
	return s->end;
}

static inline bool overlaps_sampled_page(const struct damon_matcher *m, size_t region,
					 uint64_t addr, uint64_t end)
{
	uint64_t page = m->sampling_addrs[region] & ~(m->sampled_page - 1);

	return addr < page + m->sampled_page && end > page;
}

/* Credit [@addr, @end) to every region it overlaps, from @region on. */
static void credit_overlaps(struct damon_matcher *m, const struct span *s, size_t region,
			    uint64_t addr, uint64_t end, struct damon_report_counters *c)
{
	bool overlaps = false, credits = false;

	for (; region < s->end && m->starts[region] < end; region++) {
		overlaps = true;
		if (m->sampled_page && !overlaps_sampled_page(m, region, addr, end))
			continue;
		m->hits[region]++;
		credits = true;
	}
	c->credited += credits;
	c->filtered += overlaps && !credits;
	c->no_region += !overlaps;
}

void damon_matcher_credit(struct damon_matcher *m, const struct damon_access_report *reports,
			  size_t nr_reports, struct damon_report_counters *counters)
{
	const uint16_t has_addr = m->physical ? DAMON_REPORT_HAS_PADDR : DAMON_REPORT_HAS_VADDR;
	const bool simple = !m->nr_filters && !m->sampled_page;
	const struct span *s = m->physical && m->nr_spans ? m->spans : NULL;
	struct damon_report_counters c = { 0 };
	/* the last region hit, cached: [last_start, last_end) of last_pid */
	uint64_t last_start = 1, last_end = 0;
	size_t last = 0;
	int32_t last_pid = 0;

	for (size_t i = 0; i < nr_reports; i++) {
		const struct damon_access_report *r = &reports[i];
		uint64_t addr = m->physical ? r->paddr : r->vaddr;
		uint64_t end = addr + r->size;

		if ((r->flags & DAMON_REPORT_EXACT_TIME) && r->time_ns < m->not_before_ns) {
			c.stale++;
			continue;
		}
		if (!(r->flags & has_addr) || !r->size) {
			c.no_address++;
			continue;
		}
		if (end < addr)
			end = UINT64_MAX;
		if (simple && addr >= last_start && end <= last_end &&
		    (m->physical || r->pid == last_pid)) {
			m->hits[last]++;
			c.credited++;
			continue;
		}
		if (m->nr_filters && !damon_filters_allow(m->filters, m->nr_filters, r)) {
			c.filtered++;
			continue;
		}
		if (!m->physical && (!s || s->pid != r->pid))
			s = find_span(m, r->pid);
		if (!s) {
			c.no_target++;
			continue;
		}
		last = find_region(m, s, addr);
		last_start = 1;
		last_end = 0;
		if (simple && last < s->end && m->starts[last] <= addr && end <= m->ends[last]) {
			last_start = m->starts[last];
			last_end = m->ends[last];
			last_pid = r->pid;
			m->hits[last]++;
			c.credited++;
			continue;
		}
		credit_overlaps(m, s, last, addr, end, &c);
	}
	counters->credited += c.credited;
	counters->filtered += c.filtered;
	counters->no_address += c.no_address;
	counters->no_target += c.no_target;
	counters->no_region += c.no_region;
	counters->stale += c.stale;
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

/* Set bits among [@first, @end) of @words. */
static uint64_t nr_set(const uint64_t *words, uint64_t first, uint64_t end)
{
	uint64_t w = first / 64, last = end / 64, nr = 0;
	uint64_t head = ~0ULL << (first % 64), tail = ~(~0ULL << (end % 64));

	if (first >= end)
		return 0;
	if (w == last)
		return __builtin_popcountll(words[w] & head & tail);
	nr = __builtin_popcountll(words[w++] & head);
	for (; w < last; w++)
		nr += __builtin_popcountll(words[w]);
	return tail ? nr + __builtin_popcountll(words[w] & tail) : nr;
}

static bool page_set(const uint64_t *words, uint64_t nr_pages, uint64_t page)
{
	return page < nr_pages && words[page / 64] >> (page % 64) & 1;
}

struct bitmap {
	uint64_t start, page_size, nr_pages;
	const uint64_t *words;
};

static uint64_t page_of(const struct bitmap *b, uint64_t addr)
{
	return addr <= b->start ? 0 : (addr - b->start) / b->page_size;
}

/* Bytes of set pages [@first, @last) within [@lo, @hi), which cuts the outer two. */
static uint64_t bytes_in(const struct bitmap *b, uint64_t first, uint64_t last, uint64_t lo,
			 uint64_t hi)
{
	uint64_t bytes = nr_set(b->words, first, last) * b->page_size;

	if (page_set(b->words, b->nr_pages, first))
		bytes -= lo - (b->start + first * b->page_size);
	if (page_set(b->words, b->nr_pages, last - 1))
		bytes -= b->start + last * b->page_size - hi;
	return bytes;
}

void damon_matcher_credit_bitmap(struct damon_matcher *m, size_t target, uint64_t start,
				 uint64_t page_size, const uint64_t *words, size_t nr_words,
				 uint16_t flags, struct damon_report_counters *counters)
{
	struct bitmap b = { start, page_size, nr_words * 64, words };
	const struct damon_access_report common = { .flags = flags };
	uint64_t end = start + b.nr_pages * page_size, counted = 0, credited = 0, missed = 0;
	uint64_t last_credited = UINT64_MAX;	/* sampled page, of one or more regions */
	const struct span *s = &m->spans[target];
	size_t region;

	if (!damon_filters_allow(m->filters, m->nr_filters, &common)) {
		counters->filtered += nr_set(words, 0, b.nr_pages);
		return;
	}
	if (end < start)
		end = UINT64_MAX;
	for (region = find_region(m, s, start); region < s->end && m->starts[region] < end;
	     region++) {
		uint64_t lo = m->starts[region] > start ? m->starts[region] : start;
		uint64_t hi = m->ends[region] < end ? m->ends[region] : end;
		uint64_t first = page_of(&b, lo), last = page_of(&b, hi - 1) + 1;
		uint64_t nr = nr_set(words, first, last), fresh;

		/* a page over a border is one report, though it hits two regions */
		fresh = nr_set(words, first > counted ? first : counted, last);
		counted = last;
		m->bytes[region] += bytes_in(&b, first, last, lo, hi);
		if (m->sampled_page) {
			uint64_t addr = m->sampling_addrs[region], page = page_of(&b, addr);

			nr = addr >= start && page_set(words, b.nr_pages, page);
			missed += fresh;
			if (nr && page != last_credited) {
				credited++;
				missed--;
				last_credited = page;
			}
		} else {
			credited += fresh;
		}
		m->hits[region] += nr;
	}
	counters->credited += credited;
	counters->filtered += missed;
	counters->no_region += nr_set(words, 0, b.nr_pages) - credited - missed;
}

int damon_matcher_fold(struct damon_matcher *m, struct damon_region_map *map, unsigned int source)
{
	size_t nr = 0;

	if (!m->built || m->generation != map->generation)
		return -ESTALE;
	for (size_t i = 0; i < map->nr_targets; i++) {
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
