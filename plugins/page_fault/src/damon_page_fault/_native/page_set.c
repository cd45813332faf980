// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include "page_set.h"

#define MIN_SLOTS 1024

struct page {
	uint64_t number;
	int64_t pid;			/* 0: the slot is free */
};

struct page_set {
	uint64_t page_size;
	size_t max_pages;
	struct page *slots;
	size_t nr_slots;		/* a power of two, never more than half full */
	size_t nr;
	unsigned int shift;		/* one of 2^shift pages is kept */
};

/* The finaliser of SplitMix64: every bit of the result depends on all of those given. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t hash(struct page page)
{
	return mix(page.number + mix((uint64_t)page.pid));
}

/* High bits choose the pages, low ones the slot: else those kept would crowd together. */
static bool is_kept(const struct page_set *set, uint64_t h)
{
	return !set->shift || !(h >> (64 - set->shift));
}

struct page_set *page_set_create(uint64_t page_size, size_t max_pages)
{
	struct page_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->page_size = page_size;
	set->max_pages = max_pages;
	set->nr_slots = MIN_SLOTS;
	set->slots = calloc(set->nr_slots, sizeof(*set->slots));
	if (!set->slots) {
		free(set);
		return NULL;
	}
	return set;
}

void page_set_destroy(struct page_set *set)
{
	if (!set)
		return;
	free(set->slots);
	free(set);
}

static struct page *find_slot(const struct page_set *set, struct page page, uint64_t h)
{
	size_t i = h & (set->nr_slots - 1);

	while (set->slots[i].pid &&
	       (set->slots[i].pid != page.pid || set->slots[i].number != page.number))
		i = (i + 1) & (set->nr_slots - 1);
	return &set->slots[i];
}

/* Move what is still kept into a table of so many slots. */
static int rebuild(struct page_set *set, size_t nr_slots)
{
	struct page_set old = *set;
	struct page *slots = calloc(nr_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	set->slots = slots;
	set->nr_slots = nr_slots;
	set->nr = 0;
	for (size_t i = 0; i < old.nr_slots; i++) {
		uint64_t h = hash(old.slots[i]);

		if (!old.slots[i].pid || !is_kept(set, h))
			continue;
		*find_slot(set, old.slots[i], h) = old.slots[i];
		set->nr++;
	}
	free(old.slots);
	return 0;
}

static int make_room(struct page_set *set)
{
	while (set->nr >= set->max_pages && set->shift < 63) {
		set->shift++;
		if (rebuild(set, set->nr_slots)) {
			set->shift--;
			return -ENOMEM;
		}
	}
	return set->nr * 2 >= set->nr_slots ? rebuild(set, set->nr_slots * 2) : 0;
}

int page_set_add(struct page_set *set, const struct damon_access_report *reports, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct page page = { reports[i].vaddr / set->page_size, reports[i].pid };
		uint64_t h = hash(page);
		struct page *slot;

		if (!page.pid || !is_kept(set, h))
			continue;
		slot = find_slot(set, page, h);
		if (slot->pid)
			continue;
		*slot = page;
		set->nr++;
		if (make_room(set))
			return -ENOMEM;
	}
	return 0;
}

uint64_t page_set_size(const struct page_set *set)
{
	return (uint64_t)set->nr << set->shift;
}
