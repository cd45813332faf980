/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampled pages through the kernel's idle page tracking: mark a page idle, and
 * see later whether it still is.
 *
 * The kernel takes a mark only from pages on its LRU lists, and of a large folio
 * only at the first page.  Whether it took the mark is read back from kpageflags
 * at once: reading the bitmap itself would count an access that came meanwhile
 * as a refusal.
 */
#ifndef PAGE_IDLE_H
#define PAGE_IDLE_H

#include <stddef.h>
#include <stdint.h>
#include <damon/report.h>

struct page_idle;

/* The descriptors stay the caller's.  NULL: no memory. */
struct page_idle *page_idle_create(int bitmap_fd, int kpageflags_fd, uint64_t page_size);
void page_idle_destroy(struct page_idle *idle);

/* Forget the pages of the last sampling interval. */
void page_idle_reset(struct page_idle *idle);

/**
 * page_idle_add() - look at these pages in this sampling interval
 * @pagemap_fd: of process @pid, or -1 if @addrs are physical addresses
 * @addrs: ascending
 *
 * Return: 0 or a negative errno.
 */
int page_idle_add(struct page_idle *idle, int pagemap_fd, int32_t pid, const uint64_t *addrs,
		  size_t nr);

/* Mark all added pages idle.  0 or a negative errno. */
int page_idle_mark(struct page_idle *idle);

/* Find out which of the marked pages are no longer idle.  0 or a negative errno. */
int page_idle_check(struct page_idle *idle);

/* After page_idle_check(): pages that refused the mark, moved, or left the LRU lists. */
size_t page_idle_nr_cannot_tell(const struct page_idle *idle);

/* After page_idle_check(): fill slots with the next accessed pages (NULL: skip them); how many. */
size_t page_idle_report(struct page_idle *idle, void *slots, size_t nr);

#endif
