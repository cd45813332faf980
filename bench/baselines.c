// SPDX-License-Identifier: Apache-2.0
/*
 * What the report buffer and the matcher are compared with: two ways from reports to regions that
 * were proposed for the kernel's DAMON, written anew from their descriptions, none of their text.
 *
 * slots: "damon_report_access()", RFC v3, December 2025.  One array of 1000 reports for the whole
 * system behind a lock that is only tried.  Once per sampling interval each report is looked up by
 * a walk over all regions until one contains it; then every region is updated once.
 *
 * histogram: monitoring by perf events, RFC v2, March 2026.  A ring of 2^15 samples for each
 * processor, of which all but one can be used, and which doubles up to 2^20 after an interval in
 * which it was full.  Once per interval the samples are counted by process and page, and each region
 * asks for its pages, one after the other, until one of them was sampled.
 *
 * Where a description leaves a choice, the cheaper one is taken: an open hash table instead of a
 * tree, the search ends at the first region, the process is the one that is monitored.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <damon/report.h>

#define PAGE_SHIFT 12

/* The regions of one process; @hits of this interval, @nr_accesses of all since they were zeroed. */
struct bench_regions {
	const uint64_t *starts, *ends;
	uint64_t *hits;
	uint32_t *nr_accesses;
	size_t nr;
	int32_t pid;
};

/* The bound: read what any matcher must read. */
uint64_t stream_read(const struct damon_access_report *reports, size_t nr)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += reports[i].vaddr;
	return sum;
}

static void update_each_once(struct bench_regions *r)
{
	for (size_t j = 0; j < r->nr; j++)
		r->nr_accesses[j] += r->hits[j] != 0;
}

struct slots {
	atomic_flag lock;
	size_t nr, cap;
	bool resets;
	struct damon_access_report reports[];
};

/* @resets: the store that fills the array empties it, as posted; else what comes later is lost. */
struct slots *slots_create(size_t cap, bool resets)
{
	struct slots *s = calloc(1, sizeof(*s) + cap * sizeof(s->reports[0]));

	if (s) {
		s->cap = cap;
		s->resets = resets;
	}
	return s;
}

void slots_destroy(struct slots *s)
{
	free(s);
}

static size_t slots_store_one(struct slots *s, const struct damon_access_report *report)
{
	size_t lost = 0;

	if (atomic_flag_test_and_set_explicit(&s->lock, memory_order_acquire))
		return 1;
	if (s->nr < s->cap)
		s->reports[s->nr++] = *report;
	else
		lost = 1;
	if (s->resets && s->nr == s->cap) {
		lost = s->nr;
		s->nr = 0;
	}
	atomic_flag_clear_explicit(&s->lock, memory_order_release);
	return lost;
}

/* One after the other, as they come.  How many of these and of older ones were lost. */
size_t slots_store(struct slots *s, const struct damon_access_report *reports, size_t nr)
{
	size_t lost = 0;

	for (size_t i = 0; i < nr; i++)
		lost += slots_store_one(s, &reports[i]);
	return lost;
}

void slots_check(struct slots *s, struct bench_regions *r)
{
	memset(r->hits, 0, r->nr * sizeof(r->hits[0]));
	for (size_t i = 0; i < s->nr; i++) {
		uint64_t start = s->reports[i].vaddr, end = start + s->reports[i].size;

		for (size_t j = 0; j < r->nr; j++) {
			if (start >= r->starts[j] && end <= r->ends[j]) {
				r->hits[j]++;
				break;
			}
		}
	}
	s->nr = 0;
	update_each_once(r);
}

struct sample {
	uint64_t vaddr, paddr;
	int32_t pid;
};

struct page_count {
	uint64_t page;
	int32_t pid;
	uint32_t count;
};

struct histogram {
	struct sample *samples;
	size_t nr, size, max_size;
	struct page_count *pages;
	uint64_t mask;
};

void histogram_destroy(struct histogram *h)
{
	if (!h)
		return;
	free(h->samples);
	free(h->pages);
	free(h);
}

struct histogram *histogram_create(size_t size, size_t max_size)
{
	struct histogram *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->size = size;
	h->max_size = max_size;
	h->samples = malloc(size * sizeof(h->samples[0]));
	if (h->samples)
		return h;
	free(h);
	return NULL;
}

/* How many were lost. */
size_t histogram_store(struct histogram *h, const struct damon_access_report *reports, size_t nr)
{
	size_t room = h->size - 1 - h->nr, kept = nr < room ? nr : room;

	for (size_t i = 0; i < kept; i++) {
		const struct damon_access_report *from = &reports[i];

		h->samples[h->nr++] = (struct sample){ from->vaddr, from->paddr, from->pid };
	}
	return nr - kept;
}

static struct page_count *page_of(struct histogram *h, uint64_t page, int32_t pid)
{
	uint64_t at = page * 0x9e3779b97f4a7c15ULL >> 32;

	for (;; at++) {
		struct page_count *found = &h->pages[at & h->mask];

		if (!found->count || (found->page == page && found->pid == pid))
			return found;
	}
}

/* Count the samples by page, and make room for more if there was none left.  0, -1: no memory. */
int histogram_fill(struct histogram *h)
{
	bool was_full = h->nr == h->size - 1;

	free(h->pages);
	for (h->mask = 1; h->mask < 2 * h->nr; )
		h->mask <<= 1;
	h->pages = calloc(h->mask, sizeof(h->pages[0]));
	if (!h->pages)
		return -1;
	h->mask--;
	for (size_t i = 0; i < h->nr; i++) {
		uint64_t page = h->samples[i].vaddr >> PAGE_SHIFT;
		struct page_count *count = page_of(h, page, h->samples[i].pid);

		count->page = page;
		count->pid = h->samples[i].pid;
		count->count++;
	}
	h->nr = 0;
	if (was_full && h->size < h->max_size) {
		struct sample *larger = malloc(2 * h->size * sizeof(*larger));

		if (!larger)
			return 0;
		free(h->samples);
		h->samples = larger;
		h->size *= 2;
	}
	return 0;
}

/* @first: be content with the first page of a region that was sampled, as posted; else count. */
void histogram_probe(struct histogram *h, struct bench_regions *r, bool first)
{
	for (size_t j = 0; j < r->nr; j++) {
		uint64_t page = r->starts[j] >> PAGE_SHIFT, end = r->ends[j] >> PAGE_SHIFT;

		r->hits[j] = 0;
		for (; page < end && !(first && r->hits[j]); page++)
			r->hits[j] += page_of(h, page, r->pid)->count;
	}
	update_each_once(r);
}
