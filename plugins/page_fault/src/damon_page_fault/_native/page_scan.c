// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "page_scan.h"
#include "uffd.h"

#define NR_REGIONS 1024

struct page_scan *page_scan_create(uint64_t page_size)
{
	struct page_scan *scan = malloc(sizeof(*scan));

	if (!scan)
		return NULL;
	scan->nr_faults = 0;
	page_bits_init(&scan->bits, __builtin_ctzll(page_size));
	scan->vec = calloc(NR_REGIONS, sizeof(*scan->vec));
	if (!scan->vec) {
		free(scan);
		return NULL;
	}
	return scan;
}

void page_scan_destroy(struct page_scan *scan)
{
	if (!scan)
		return;
	page_bits_deinit(&scan->bits);
	free(scan->vec);
	free(scan);
}

/*
 * Pages that do not exist are left alone: to protect them would fill the process
 * with page tables, and keep huge pages from it.  What a page that comes to exist
 * was first touched for, the zero page tells: it is there for reads.
 */
static struct scan_arg new_arg(enum page_scan_kind kind, const struct scan_region *vec)
{
	uint64_t category = kind == PAGE_SCAN_WRITTEN ? SCAN_WRITTEN : SCAN_ACCESSED;

	return (struct scan_arg){
		.size = sizeof(struct scan_arg),
		.vec = (uintptr_t)vec,
		.vec_len = NR_REGIONS,
		.category_mask = category,
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = kind == PAGE_SCAN_WRITTEN ? category | SCAN_ZERO_PAGE | SCAN_HUGE
							 : category,
	};
}

/* Protect what was accessed; if it has just been unmapped there is nothing to protect. */
static int protect_again(int uffd, const struct scan_region *region)
{
	int rc = uffd_protect(uffd, UFFD_READS_WRITES, region->start, region->end);

	return rc == -ENOENT || rc == -EINVAL ? 0 : rc;
}

/* How many faults made what is found: a huge page that is still mapped whole took one. */
static uint64_t count_faults(const struct page_scan *scan, const struct scan_region *region)
{
	unsigned int shift = scan->bits.page_shift;

	/* A page table fills a page, with entries of 8 bytes; a huge page stands for all of them. */
	if (region->categories & SCAN_HUGE)
		shift += shift - 3;
	return (region->end - region->start + (1ull << shift) - 1) >> shift;
}

/* Take what the kernel has put into the vector, up to the first zero. */
static int take_regions(struct page_scan *scan, int uffd, enum page_scan_kind kind)
{
	int rc = 0;

	for (size_t i = 0; i < NR_REGIONS && scan->vec[i].end; i++) {
		struct scan_region *region = &scan->vec[i];

		if (!rc && !(region->categories & SCAN_ZERO_PAGE)) {
			rc = page_bits_add(&scan->bits, region->start, region->end);
			scan->nr_faults += count_faults(scan, region);
		}
		if (!rc && kind == PAGE_SCAN_ACCESSED)
			rc = protect_again(uffd, region);
		region->end = 0;
	}
	return rc;
}

static int scan_range(struct page_scan *scan, int pagemap, int uffd, enum page_scan_kind kind,
		      const struct page_range *range, uint64_t flags)
{
	struct scan_arg arg = new_arg(kind, scan->vec);
	int failed, rc;

	arg.flags = flags;
	for (arg.start = range->start; arg.start < range->end; arg.start = arg.walk_end) {
		arg.end = range->end;
		arg.walk_end = 0;
		failed = ioctl(pagemap, SCAN_IOCTL, &arg) < 0 ? -errno : 0;
		/* What it has found and protected before it failed must not be lost. */
		rc = take_regions(scan, uffd, kind);
		if (rc || failed)
			return rc ? rc : failed;
		if (arg.walk_end <= arg.start)
			return 0;
	}
	return 0;
}

int page_scan_run(struct page_scan *scan, int pagemap, int uffd, enum page_scan_kind kind,
		  const struct page_range *ranges, size_t nr_ranges, size_t *nr_strange)
{
	uint64_t flags = kind == PAGE_SCAN_WRITTEN ? SCAN_PROTECT : 0;
	uint64_t strict = kind == PAGE_SCAN_WRITTEN ? flags | SCAN_ONLY_ASYNC : flags;
	int rc = 0;

	page_bits_clear(&scan->bits);
	scan->nr_faults = 0;
	*nr_strange = 0;
	for (size_t i = 0; i < nr_ranges && !rc; i++) {
		rc = scan_range(scan, pagemap, uffd, kind, &ranges[i], strict);
		if (rc != -EPERM)
			continue;
		/* Something else is mapped there by now: the rest, without it. */
		++*nr_strange;
		rc = scan_range(scan, pagemap, uffd, kind, &ranges[i], flags);
	}
	return rc == -ESRCH ? 0 : rc;
}
