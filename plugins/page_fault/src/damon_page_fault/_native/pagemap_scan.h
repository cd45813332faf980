/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ioctl PAGEMAP_SCAN of /proc/PID/pagemap (Linux 6.7), for headers that are
 * older than that.
 */
#ifndef PAGEMAP_SCAN_H
#define PAGEMAP_SCAN_H

#include <linux/ioctl.h>
#include <stdint.h>

enum {
	SCAN_WRITTEN = 1 << 1,
	SCAN_PRESENT = 1 << 3,
	SCAN_SWAPPED = 1 << 4,
	SCAN_ZERO_PAGE = 1 << 5,
	SCAN_HUGE = 1 << 6,		/* mapped by one entry, or of hugetlb */
	SCAN_ACCESSED = 1 << 9,		/* with read-write protection, after Linux 7.2 */
};

enum {
	SCAN_PROTECT = 1 << 0,		/* write-protect what matches */
	SCAN_ONLY_ASYNC = 1 << 1,	/* EPERM for a mapping that cannot be protected so */
};

struct scan_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)

#endif
