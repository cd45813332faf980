// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "perf_ring.h"

#define MAX_RECORD_SIZE (UINT16_MAX + 1)

/* perf_event_mmap_page, as far as a reader of records needs it. */
struct control {
	uint8_t other[1024];
	uint64_t head;			/* the kernel's: where it will write */
	uint64_t tail;			/* ours: where we will read */
	uint64_t data_offset;
	uint64_t data_size;
};

struct damon_perf_ring {
	struct control *control;
	size_t mapped;
	const uint8_t *data;
	uint64_t size;
	uint8_t straddler[MAX_RECORD_SIZE];	/* a record that goes on at the beginning */
};

int damon_perf_ring_create(int fd, size_t size, struct damon_perf_ring **ret)
{
	size_t page_size = sysconf(_SC_PAGESIZE);
	struct damon_perf_ring *ring;
	void *address;
	int error;

	if (size < page_size || size & (size - 1))
		return -EINVAL;
	ring = malloc(sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	ring->mapped = page_size + size;
	address = mmap(NULL, ring->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED) {
		error = -errno;
		free(ring);
		return error;
	}
	ring->control = address;
	ring->data = (const uint8_t *)address + page_size;
	ring->size = size;
	*ret = ring;
	return 0;
}

void damon_perf_ring_destroy(struct damon_perf_ring *ring)
{
	if (!ring)
		return;
	munmap(ring->control, ring->mapped);
	free(ring);
}

/* The record at @tail, copied together from both ends of the ring; its size, 0 if it is none. */
static size_t copy_straddler(struct damon_perf_ring *ring, uint64_t tail, size_t len)
{
	size_t at = tail & (ring->size - 1), to_end = ring->size - at;
	int64_t size;

	memcpy(ring->straddler, ring->data + at, DAMON_PERF_HEADER_SIZE);
	size = damon_perf_record_size(ring->straddler, len);
	if (size <= 0)
		return 0;
	if ((size_t)size <= to_end) {
		memcpy(ring->straddler, ring->data + at, size);
		return size;
	}
	memcpy(ring->straddler, ring->data + at, to_end);
	memcpy(ring->straddler + to_end, ring->data, size - to_end);
	return size;
}

size_t damon_perf_ring_drain(struct damon_perf_ring *ring, const struct damon_perf_decoding *d,
			     uint64_t now_ns, struct damon_access_report *reports, size_t nr,
			     struct damon_perf_counts *counts)
{
	uint64_t head = __atomic_load_n(&ring->control->head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->control->tail, first = counts->reports;

	while (tail != head && counts->reports - first < nr) {
		uint64_t done = counts->reports - first;
		size_t at = tail & (ring->size - 1), to_end = ring->size - at;
		size_t len = head - tail, used, size;

		/* Positions are words: a header never straddles. */
		if (head - tail > ring->size || at % 8 || len < DAMON_PERF_HEADER_SIZE) {
			counts->corrupt++;
			tail = head;
			break;
		}
		used = damon_perf_decode(d, now_ns, ring->data + at, len < to_end ? len : to_end,
					 reports + done, nr - done, counts);
		tail += used;
		if (used || counts->reports - first == nr)
			continue;
		size = copy_straddler(ring, tail, len);
		if (!size || damon_perf_decode(d, now_ns, ring->straddler, size, reports + done,
					       nr - done, counts) != size) {
			counts->corrupt++;
			tail = head;
			break;
		}
		tail += size;
	}
	__atomic_store_n(&ring->control->tail, tail, __ATOMIC_RELEASE);
	return counts->reports - first;
}
