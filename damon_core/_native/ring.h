/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock-free ring of access reports: one producer, one consumer.
 *
 * The consumer drains it destructively once per sampling interval.  When it was
 * full in an interval, the consumer asks for more room and the producer, at its
 * next store, goes on in a segment twice as large: neither ever waits.
 */
#ifndef DAMON_RING_H
#define DAMON_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <damon/report.h>

struct damon_ring;

/* Both capacities in reports, rounded up to powers of two.  NULL: no memory. */
struct damon_ring *damon_ring_create(size_t cap, size_t max_cap);
void damon_ring_destroy(struct damon_ring *ring);

/* Producer: contiguous room now; *ret gets its address.  0: the ring is full. */
size_t damon_ring_space(struct damon_ring *ring, struct damon_access_report **ret);
void damon_ring_commit(struct damon_ring *ring, size_t nr);
/* Producer: copy reports in; what does not fit is counted as lost.  Stored ones. */
size_t damon_ring_extend(struct damon_ring *ring, const struct damon_access_report *reports,
			 size_t nr);
/* Producer: count reports that the primitive itself could not keep. */
void damon_ring_lose(struct damon_ring *ring, uint64_t nr);

/* Consumer: contiguous reports ready; *ret gets their address.  0: drained. */
size_t damon_ring_peek(struct damon_ring *ring, const struct damon_access_report **ret);
void damon_ring_consume(struct damon_ring *ring, size_t nr);
/* Consumer: reports lost since the last call; grows a ring that was full. */
uint64_t damon_ring_end_interval(struct damon_ring *ring);
size_t damon_ring_cap(const struct damon_ring *ring);

#endif
