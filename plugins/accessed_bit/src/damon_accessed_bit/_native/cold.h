/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampled pages of one process: clear the accessed bits of just these with
 * process_madvise(MADV_COLD), and read them back from the page table.
 *
 * Only pages whose bit is set are advised, and a page inside a large mapping by
 * the whole mapping, so that nothing is split and cold pages are left alone.
 */
#ifndef COLD_H
#define COLD_H

#include <stddef.h>
#include <stdint.h>
#include "page_walk.h"

struct cold;

/**
 * cold_create() - be ready for the pages of one process
 * @walk: stays the caller's, as do the descriptors
 * @kpageflags_fd, @kpagecount_fd: -1 if they may not be read; then every page whose
 *	bit is set again at once counts as one that cannot be cleared
 *
 * Return: NULL if there is no memory.
 */
struct cold *cold_create(struct page_walk *walk, int pidfd, int32_t pid, int kpageflags_fd,
			 int kpagecount_fd, uint64_t page_size);
void cold_destroy(struct cold *cold);

/**
 * cold_clear() - start a sampling interval
 * @addrs: where to look, ascending
 *
 * Return: 0, -ESRCH when the process has ended, or another negative errno.
 */
int cold_clear(struct cold *cold, const uint64_t *addrs, size_t nr);

/* End the interval: read the bits.  Return: as cold_clear(). */
int cold_check(struct cold *cold);

/* After cold_check(): pages that could not be cleared, or are no longer where they were. */
size_t cold_nr_cannot_tell(const struct cold *cold);
/* Pages that the last cold_clear() advised: each was moved to the inactive list. */
size_t cold_nr_advised(const struct cold *cold);

/* After cold_check(): fill slots with the next accessed pages (NULL: skip them); how many. */
size_t cold_report(struct cold *cold, void *slots, size_t nr);

/* May this process be advised?  Tried with nothing to advise.  0 or a negative errno. */
int cold_may_advise(int pidfd);

#endif
