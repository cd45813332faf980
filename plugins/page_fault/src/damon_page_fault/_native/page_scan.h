/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages of a process were written, or accessed, since the last scan: bitmaps,
 * from the protections that its userfaultfd has put there.  A scan protects what it
 * reports, so that the next one tells what has happened since.
 */
#ifndef PAGE_SCAN_H
#define PAGE_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include "page_bits.h"
#include "pagemap_scan.h"

enum page_scan_kind {
	PAGE_SCAN_WRITTEN,	/* protects in the same step: nothing is lost */
	PAGE_SCAN_ACCESSED,	/* protects by the userfaultfd, right after */
};

/* @start inclusive, @end exclusive. */
struct page_range {
	uint64_t start;
	uint64_t end;
};

/* @nr_faults: as many as made the pages in @bits what they are, or less */
struct page_scan {
	struct page_bits bits;
	uint64_t nr_faults;
	struct scan_region *vec;	/* all zero between two scans */
};

struct page_scan *page_scan_create(uint64_t page_size);
void page_scan_destroy(struct page_scan *scan);

/**
 * page_scan_run() - scan ranges of a process, and protect what is found
 * @pagemap: its /proc/PID/pagemap
 * @uffd: its userfaultfd, for PAGE_SCAN_ACCESSED
 * @ranges: ascending
 * @nr_strange: ranges that have a mapping which is not registered (any more), left out
 *
 * Replaces what @scan had.  A process that has ended has no pages.
 *
 * Return: 0 or a negative errno.
 */
int page_scan_run(struct page_scan *scan, int pagemap, int uffd, enum page_scan_kind kind,
		  const struct page_range *ranges, size_t nr_ranges, size_t *nr_strange);

#endif
