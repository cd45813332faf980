// SPDX-License-Identifier: Apache-2.0
/* What the region matcher is compared with: the ways of the kernel series. */
#include <stdlib.h>
#include <string.h>
#include <damon/report.h>

#define PAGE_SHIFT 12

/* The bound: read what any matcher must read. */
uint64_t stream_read(const struct damon_access_report *reports, size_t nr)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += reports[i].vaddr;
	return sum;
}

/* For each report, walk the regions until one contains it. */
void linear_scan(const struct damon_access_report *reports, size_t nr, const uint64_t *starts,
		 const uint64_t *ends, uint64_t *hits, size_t nr_regions)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t addr = reports[i].vaddr;

		for (size_t j = 0; j < nr_regions; j++) {
			if (addr >= starts[j] && addr < ends[j]) {
				hits[j]++;
				break;
			}
		}
	}
}

/* Hash the pages of all reports, then look up each page of each region. */
int hash_probe(const struct damon_access_report *reports, size_t nr, const uint64_t *starts,
	       const uint64_t *ends, uint64_t *hits, size_t nr_regions)
{
	struct slot { uint64_t page, count; } *slots;
	uint64_t mask = 1;

	while (mask < 2 * nr)
		mask <<= 1;
	slots = calloc(mask, sizeof(*slots));
	if (!slots)
		return -1;
	mask--;
#define SLOT_OF(page) (((page) * 0x9e3779b97f4a7c15ULL >> 32) & mask)
	for (size_t i = 0; i < nr; i++) {
		uint64_t page = reports[i].vaddr >> PAGE_SHIFT, at = SLOT_OF(page);

		while (slots[at].count && slots[at].page != page)
			at = (at + 1) & mask;
		slots[at].page = page;
		slots[at].count++;
	}
	for (size_t j = 0; j < nr_regions; j++) {
		for (uint64_t page = starts[j] >> PAGE_SHIFT; page < ends[j] >> PAGE_SHIFT; page++) {
			uint64_t at = SLOT_OF(page);

			while (slots[at].count && slots[at].page != page)
				at = (at + 1) & mask;
			hits[j] += slots[at].count;
		}
	}
	free(slots);
	return 0;
}
