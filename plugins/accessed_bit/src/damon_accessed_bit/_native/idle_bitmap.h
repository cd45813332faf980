/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /sys/kernel/mm/page_idle/bitmap: one bit per page frame.
 *
 * Writing 1 marks a page idle, writing 0 leaves it as it is.  Reading looks at
 * all mappings of the page first, and shows 0 for pages that the kernel does not
 * track now: those not on an LRU list, and all but the first of a large folio.
 */
#ifndef IDLE_BITMAP_H
#define IDLE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sample;

/**
 * struct idle_mark - a page frame to mark
 * @pfn: the sample's own, or the first of its large folio
 * @is_set: what the bitmap showed for it
 */
struct idle_mark {
	uint64_t pfn;
	struct sample *sample;
	bool is_set;
};

/* Ascending by page frame, as the next two want it. */
void idle_bitmap_sort(struct idle_mark *marks, size_t nr);

/* Both return 0 or a negative errno. */
int idle_bitmap_write(int fd, const struct idle_mark *marks, size_t nr);
int idle_bitmap_read(int fd, struct idle_mark *marks, size_t nr);

#endif
