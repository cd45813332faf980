/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring buffer that the kernel fills with the records of perf events, mapped
 * read-write: what is read is given back, so nothing is overwritten unread.
 */
#ifndef DAMON_PERF_RING_H
#define DAMON_PERF_RING_H

#include <stddef.h>
#include <stdint.h>
#include "perf_record.h"

struct damon_perf_ring;

/*
 * Map the ring of the event @fd, with room for @size bytes of records (pages, a power
 * of two of them).  0, or the negative errno of mmap().
 */
int damon_perf_ring_create(int fd, size_t size, struct damon_perf_ring **ret);
void damon_perf_ring_destroy(struct damon_perf_ring *ring);

/*
 * Turn what is in the ring now into at most @nr @reports; how many there are.  Fewer
 * than @nr: the ring is empty.
 */
size_t damon_perf_ring_drain(struct damon_perf_ring *ring, const struct damon_perf_decoding *d,
			     uint64_t now_ns, struct damon_access_report *reports, size_t nr,
			     struct damon_perf_counts *counts);

#endif
