// SPDX-License-Identifier: Apache-2.0
#include "crediting.h"
#include "page_bitmap.h"

#define PREFETCH_AHEAD 64		/* reports, each a cache line */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static inline bool overlaps_sampled_page(const struct damon_matcher *m, size_t region,
					 uint64_t addr, uint64_t end)
{
	uint64_t page = m->sampling_addrs[region] & ~(m->sampled_page - 1);

	return addr < page + m->sampled_page && end > page;
}

/* Credit [@addr, @end) to every region it overlaps, from @region on. */
static void credit_overlaps(struct damon_matcher *m, const struct damon_span *s, size_t region,
			    uint64_t addr, uint64_t end, struct damon_report_counters *c)
{
	bool overlaps = false, credits = false;

	for (; region < s->end && m->index.slots[region].start < end; region++) {
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

/* A report that the fast path below does not take. */
static void credit_slowly(struct damon_matcher *m, const struct damon_span *s,
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
		credit_overlaps(m, s, damon_find_region(&m->index, s, addr), addr, end, c);
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
	const struct damon_span *s = physical && m->index.nr_spans ? m->index.spans : NULL;
	const uint64_t not_before_ns = m->not_before_ns;
	/* the area at hand, none at first */
	uint64_t area_start = 0, area_size = 0, nr_slow = 0;
	const struct damon_slot *slots = m->index.slots;
	const uint16_t *buckets = m->index.buckets;
	uint32_t *hits = m->hits;
	unsigned int shift = 0;
	int32_t pid = 0;

	for (const struct damon_access_report *r = reports; r != reports + nr_reports; r++) {
		uint64_t addr = physical ? r->paddr : r->vaddr, left;

		__builtin_prefetch(r + PREFETCH_AHEAD);
		if (!physical && unlikely(r->pid != pid || !s)) {
			pid = r->pid;
			s = damon_find_span(&m->index, pid);
			area_size = 0;
		}
		if (!plain)
			goto slow;
		if (unlikely((r->flags & (has_addr | DAMON_REPORT_EXACT_TIME)) != has_addr) &&
		    (!(r->flags & has_addr) || r->time_ns < not_before_ns))
			goto slow;
		if (unlikely(addr - area_start >= area_size)) {
			struct damon_area a = damon_find_area(&m->index, s, addr);

			area_start = a.lo;
			area_size = a.hi - a.lo;
			shift = a.shift;
			buckets = m->index.buckets + a.first_bucket;
			slots = m->index.slots + a.first;
			hits = m->hits + a.first;
		}
		if (likely(addr - area_start < area_size)) {
			size_t at = buckets[(addr - area_start) >> shift];

			/* rarely is there more than one border in a bucket */
			at += slots[at + 1].start <= addr;
			while (unlikely(slots[at + 1].start <= addr))
				at++;
			/* unsigned: also false in a gap behind the region, and of an empty report */
			left = slots[at].end - addr;
			if (likely(left <= slots[at].end && r->size - 1 < left)) {
				hits[at]++;
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

void damon_matcher_credit_bitmap(struct damon_matcher *m, size_t target, uint64_t start,
				 uint64_t page_size, const uint64_t *words, size_t nr_words,
				 uint16_t flags, struct damon_report_counters *counters)
{
	const struct damon_page_bitmap b = { start, page_size, nr_words * 64, words };
	const struct damon_access_report common = { .flags = flags };
	uint64_t end = start + b.nr_pages * page_size, counted = 0, credited = 0, missed = 0;
	uint64_t last_credited = UINT64_MAX;	/* sampled page, of one or more regions */
	const struct damon_span *s = &m->index.spans[target];
	const struct damon_slot *slots = m->index.slots;
	size_t region;

	if (!nr_words)
		return;
	if (!damon_filters_allow(m->filters, m->nr_filters, &common)) {
		counters->filtered += damon_bitmap_nr_set(&b, 0, b.nr_pages);
		return;
	}
	if (end < start)
		end = UINT64_MAX;
	for (region = damon_find_region(&m->index, s, start);
	     region < s->end && slots[region].start < end; region++) {
		uint64_t lo = slots[region].start > start ? slots[region].start : start;
		uint64_t hi = slots[region].end < end ? slots[region].end : end;
		uint64_t first = damon_bitmap_page_of(&b, lo), last = damon_bitmap_page_of(&b, hi - 1) + 1;
		uint64_t nr = damon_bitmap_nr_set(&b, first, last), fresh;

		/* a page over a border is one report, though it hits two regions */
		fresh = damon_bitmap_nr_set(&b, first > counted ? first : counted, last);
		counted = last;
		m->bytes[region] += damon_bitmap_bytes(&b, first, last, lo, hi);
		if (m->sampled_page) {
			uint64_t addr = m->sampling_addrs[region], page = damon_bitmap_page_of(&b, addr);

			nr = addr >= start && damon_bitmap_is_set(&b, page);
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
	counters->no_region += damon_bitmap_nr_set(&b, 0, b.nr_pages) - credited - missed;
}
