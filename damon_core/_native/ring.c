// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "ring.h"

#define CACHE_LINE 64

struct segment {
	_Alignas(CACHE_LINE) _Atomic size_t head;	/* next slot to fill: the producer's */
	_Alignas(CACHE_LINE) _Atomic size_t tail;	/* next slot to read: the consumer's */
	_Alignas(CACHE_LINE) _Atomic(struct segment *) next;
	size_t cap;
	struct damon_access_report reports[];
};

struct damon_ring {
	struct segment *fill;			/* producer's segment */
	struct segment *drain;			/* consumer's segment */
	size_t max_cap;
	_Atomic size_t want_cap;		/* consumer to producer: grow to this */
	_Atomic uint64_t nr_lost;
	_Atomic bool was_full;
	uint64_t nr_lost_seen;
};

static size_t pow2_up(size_t x)
{
	size_t p = 1;

	while (p < x)
		p <<= 1;
	return p;
}

static struct segment *segment_create(size_t cap)
{
	size_t size = sizeof(struct segment) + cap * sizeof(struct damon_access_report);
	struct segment *s = aligned_alloc(CACHE_LINE, size);

	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->cap = cap;
	return s;
}

struct damon_ring *damon_ring_create(size_t cap, size_t max_cap)
{
	struct damon_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	cap = pow2_up(cap);
	ring->max_cap = pow2_up(max_cap > cap ? max_cap : cap);
	ring->want_cap = cap;
	ring->fill = ring->drain = segment_create(cap);
	if (!ring->fill) {
		free(ring);
		return NULL;
	}
	return ring;
}

void damon_ring_destroy(struct damon_ring *ring)
{
	if (!ring)
		return;
	for (struct segment *s = ring->drain, *next; s; s = next) {
		next = atomic_load(&s->next);
		free(s);
	}
	free(ring);
}

/* Move the producer to a larger segment if the consumer asked for one. */
static void grow_if_asked(struct damon_ring *ring)
{
	size_t want = atomic_load_explicit(&ring->want_cap, memory_order_relaxed);
	struct segment *larger;

	if (want <= ring->fill->cap)
		return;
	larger = segment_create(want);
	if (!larger)
		return;			/* stay with the old one: losses are counted */
	atomic_store_explicit(&ring->fill->next, larger, memory_order_release);
	ring->fill = larger;
}

size_t damon_ring_space(struct damon_ring *ring, struct damon_access_report **ret)
{
	struct segment *s;
	size_t head, used, to_wrap;

	grow_if_asked(ring);
	s = ring->fill;
	head = atomic_load_explicit(&s->head, memory_order_relaxed);
	used = head - atomic_load_explicit(&s->tail, memory_order_acquire);
	to_wrap = s->cap - (head & (s->cap - 1));
	*ret = &s->reports[head & (s->cap - 1)];
	if (used == s->cap)
		atomic_store_explicit(&ring->was_full, true, memory_order_relaxed);
	return s->cap - used < to_wrap ? s->cap - used : to_wrap;
}

void damon_ring_commit(struct damon_ring *ring, size_t nr)
{
	struct segment *s = ring->fill;
	size_t head = atomic_load_explicit(&s->head, memory_order_relaxed);

	atomic_store_explicit(&s->head, head + nr, memory_order_release);
}

size_t damon_ring_extend(struct damon_ring *ring, const struct damon_access_report *reports,
			 size_t nr)
{
	size_t done = 0;

	while (done < nr) {
		struct damon_access_report *slot;
		size_t room = damon_ring_space(ring, &slot);

		if (!room)
			break;
		if (room > nr - done)
			room = nr - done;
		memcpy(slot, reports + done, room * sizeof(*slot));
		damon_ring_commit(ring, room);
		done += room;
	}
	if (done < nr)
		damon_ring_lose(ring, nr - done);
	return done;
}

void damon_ring_lose(struct damon_ring *ring, uint64_t nr)
{
	atomic_fetch_add_explicit(&ring->nr_lost, nr, memory_order_relaxed);
}

size_t damon_ring_peek(struct damon_ring *ring, const struct damon_access_report **ret)
{
	for (;;) {
		struct segment *s = ring->drain;
		/* next before head: a segment with a successor gets no more reports. */
		struct segment *next = atomic_load_explicit(&s->next, memory_order_acquire);
		size_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
		size_t ready = atomic_load_explicit(&s->head, memory_order_acquire) - tail;
		size_t to_wrap = s->cap - (tail & (s->cap - 1));

		*ret = &s->reports[tail & (s->cap - 1)];
		if (ready)
			return ready < to_wrap ? ready : to_wrap;
		if (!next)
			return 0;
		ring->drain = next;
		free(s);
	}
}

void damon_ring_consume(struct damon_ring *ring, size_t nr)
{
	struct segment *s = ring->drain;
	size_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);

	atomic_store_explicit(&s->tail, tail + nr, memory_order_release);
}

uint64_t damon_ring_end_interval(struct damon_ring *ring)
{
	uint64_t lost = atomic_load_explicit(&ring->nr_lost, memory_order_relaxed);
	uint64_t fresh = lost - ring->nr_lost_seen;
	size_t want = atomic_load_explicit(&ring->want_cap, memory_order_relaxed);

	ring->nr_lost_seen = lost;
	if (atomic_exchange_explicit(&ring->was_full, false, memory_order_relaxed) &&
	    want < ring->max_cap)
		atomic_store_explicit(&ring->want_cap, want * 2, memory_order_relaxed);
	return fresh;
}

size_t damon_ring_cap(const struct damon_ring *ring)
{
	return atomic_load_explicit(&ring->want_cap, memory_order_relaxed);
}
