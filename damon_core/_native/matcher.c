// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "matcher.h"

/* Regions further apart than this get bucket tables of their own. */
#define AREA_GAP (16ULL << 30)
#define BUCKETS_PER_REGION 8
#define MIN_SHIFT 12
#define PREFETCH_AHEAD 64		/* reports, each a cache line */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

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

/* A region; one more behind each span has a start that no address reaches. */
struct slot {
	uint64_t start, end;
};

struct damon_matcher {
	bool physical;
	uint64_t sampled_page;		/* 0: any page counts */
	uint64_t not_before_ns;
	uint64_t generation;
	bool built;

	size_t nr_regions, nr_spans, nr_areas, nr_buckets;
	size_t cap_regions, cap_spans, cap_areas, cap_buckets;
	struct slot *slots;
	uint32_t *hits;			/* apart: what is stored to is not what is loaded */
	uint64_t *sampling_addrs;
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
	free(m->slots);
	free(m->hits);
	free(m->sampling_addrs);
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
	if (grow(&m->slots, &m->cap_regions, cap, sizeof(*m->slots)) ||
	    grow(&m->hits, &m->cap_regions, cap, sizeof(*m->hits)) ||
	    grow(&m->sampling_addrs, &m->cap_regions, cap, sizeof(*m->sampling_addrs)) ||
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
	uint64_t lo = m->slots[first].start, hi = m->slots[end - 1].end;
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

		while (region + 1 < end && m->slots[region + 1].start <= addr)
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
		if (i < s->end && m->slots[i].start - m->slots[i - 1].end <= AREA_GAP)
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
	if (reserve_regions(m, damon_nr_regions(map) + map->nr_targets) ||
	    reserve_spans(m, map->nr_targets))
		return -ENOMEM;
	m->nr_areas = m->nr_buckets = 0;
	m->nr_spans = map->nr_targets;
	for (size_t i = 0; i < map->nr_targets; i++) {
		const struct damon_target *t = &map->targets[i];
		struct span *s = &m->spans[i];

		*s = (struct span){ .pid = t->pid, .first = nr, .end = nr + t->nr_regions };
		for (size_t j = 0; j < t->nr_regions; j++, nr++) {
			m->slots[nr].start = t->regions[j].start;
			m->slots[nr].end = t->regions[j].end;
		}
		if (append_areas(m, s))
			return -ENOMEM;
		m->slots[nr++] = (struct slot){ .start = UINT64_MAX };
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
	for (size_t i = 0; i < map->nr_targets; i++, nr++)
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
		while (region + 1 < a->end && m->slots[region + 1].start <= addr)
			region++;
		return region + (m->slots[region].end <= addr);
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

	for (; region < s->end && m->slots[region].start < end; region++) {
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

/* The area that @addr is in, or an empty one. */
static struct area find_area(const struct damon_matcher *m, const struct span *s, uint64_t addr)
{
	for (size_t i = s ? s->first_area : 0; s && i < s->end_area; i++)
		if (addr - m->areas[i].lo < m->areas[i].hi - m->areas[i].lo)
			return m->areas[i];
	return (struct area){ 0 };
}

/* A report that the fast path below does not take. */
static void credit_slowly(struct damon_matcher *m, const struct span *s,
			  const struct damon_access_report *r, struct damon_report_counters *c)
{
	uint64_t addr = m->physical ? r->paddr : r->vaddr, end = addr + r->size;
	uint16_t has_addr = m->physical ? DAMON_REPORT_HAS_PADDR : DAMON_REPORT_HAS_VADDR;

	if ((r->flags & DAMON_REPORT_EXACT_TIME) && r->time_ns < m->not_before_ns) {
		c->stale++;
	} else if (!(r->flags & has_addr) || !r->size) {
		c->no_address++;
	} else if (m->nr_filters && !damon_filters_allow(m->filters, m->nr_filters, r)) {
		c->filtered++;
	} else if (!s) {
		c->no_target++;
	} else {
		if (end < addr)
			end = UINT64_MAX;
		credit_overlaps(m, s, find_region(m, s, addr), addr, end, c);
	}
}

/*
 * A report that lies in one region of the area at hand takes the fast path; there
 * is one copy of it for each kind of context, so that the usual one asks little.
 */
static inline __attribute__((always_inline)) void
credit_all(struct damon_matcher *m, const struct damon_access_report *reports, size_t nr_reports,
	   struct damon_report_counters *c, const bool physical, const bool plain)
{
	const uint16_t has_addr = physical ? DAMON_REPORT_HAS_PADDR : DAMON_REPORT_HAS_VADDR;
	const struct span *s = physical && m->nr_spans ? m->spans : NULL;
	const uint64_t not_before_ns = m->not_before_ns;
	const struct slot *const slots = m->slots;
	const uint32_t *buckets = m->buckets;
	uint32_t *const hits = m->hits, *hit = hits;
	/* the area and the region hit last: [start, start + size), none at first */
	uint64_t area_start = 0, area_size = 0, start = 0, size = 0, nr_slow = 0;
	unsigned int shift = 0;

	for (const struct damon_access_report *r = reports; r != reports + nr_reports; r++) {
		uint64_t addr = physical ? r->paddr : r->vaddr, offset;

		__builtin_prefetch(r + PREFETCH_AHEAD);
		if (!physical && unlikely(!s || s->pid != r->pid)) {
			s = find_span(m, r->pid);
			area_size = size = 0;
		}
		if (!plain || unlikely(!(r->flags & has_addr)) ||
		    unlikely((r->flags & DAMON_REPORT_EXACT_TIME) && r->time_ns < not_before_ns))
			goto slow;
		/* unsigned: one comparison, which goes the same way nearly always */
		offset = addr - start;
		if (offset < size && r->size - 1 < size - offset) {
			++*hit;
			continue;
		}
		if (unlikely(addr - area_start >= area_size)) {
			struct area a = find_area(m, s, addr);

			area_start = a.lo;
			area_size = a.hi - a.lo;
			shift = a.shift;
			buckets = m->buckets + a.first_bucket;
		}
		if (likely(addr - area_start < area_size)) {
			size_t at = buckets[(addr - area_start) >> shift];

			/* rarely is there more than one border in a bucket */
			at += slots[at + 1].start <= addr;
			while (unlikely(slots[at + 1].start <= addr))
				at++;
			start = slots[at].start;
			size = slots[at].end - start;
			offset = addr - start;
			hit = &hits[at];
			if (likely(offset < size && r->size - 1 < size - offset)) {
				++*hit;
				continue;
			}
		}
slow:
		nr_slow++;
		credit_slowly(m, s, r, c);
	}
	c->credited += nr_reports - nr_slow;
}

void damon_matcher_credit(struct damon_matcher *m, const struct damon_access_report *reports,
			  size_t nr_reports, struct damon_report_counters *counters)
{
	const bool plain = !m->nr_filters && !m->sampled_page;

	if (m->physical && plain)
		credit_all(m, reports, nr_reports, counters, true, true);
	else if (m->physical)
		credit_all(m, reports, nr_reports, counters, true, false);
	else if (plain)
		credit_all(m, reports, nr_reports, counters, false, true);
	else
		credit_all(m, reports, nr_reports, counters, false, false);
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

	if (!nr_words)
		return;
	if (!damon_filters_allow(m->filters, m->nr_filters, &common)) {
		counters->filtered += nr_set(words, 0, b.nr_pages);
		return;
	}
	if (end < start)
		end = UINT64_MAX;
	for (region = find_region(m, s, start); region < s->end && m->slots[region].start < end;
	     region++) {
		uint64_t lo = m->slots[region].start > start ? m->slots[region].start : start;
		uint64_t hi = m->slots[region].end < end ? m->slots[region].end : end;
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
