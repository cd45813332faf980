// SPDX-License-Identifier: Apache-2.0
/*
 * A ring with any positions and any bytes, drained: what comes out must be what the same
 * bytes give one record after the other, and all of the ring must be given back.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "input.h"
#include "perf_ring.h"

#define NOW_NS 77
#define NR_SIZES 2			/* one page, and more than the largest record */

/* perf_event_open(2), struct perf_event_mmap_page */
#define AT_HEAD 1024
#define AT_TAIL 1032

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct made_ring {
	struct damon_perf_ring *ring;
	uint8_t *memory, *data;		/* as the kernel sees it */
	size_t size;
};

static struct made_ring make_ring(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int fd = memfd_create("perf ring", MFD_CLOEXEC);
	struct made_ring r = { .size = size };

	must(fd >= 0 && !ftruncate(fd, page + size));
	r.memory = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(r.memory != MAP_FAILED && !damon_perf_ring_create(fd, size, &r.ring));
	r.data = r.memory + page;
	close(fd);
	return r;
}

static struct made_ring *ring_of(unsigned which)
{
	static struct made_ring rings[NR_SIZES];
	struct made_ring *r = &rings[which % NR_SIZES];

	if (!r->ring)
		*r = make_ring(which % NR_SIZES ? 1 << 17 : sysconf(_SC_PAGESIZE));
	return r;
}

static uint64_t position(const struct made_ring *r, size_t which)
{
	uint64_t v;

	memcpy(&v, r->memory + which, sizeof(v));
	return v;
}

/* The same, slowly: from bytes that lie one after the other, one record a step. */
static uint64_t read_slowly(const struct damon_perf_decoding *d, const uint8_t *bytes, size_t len,
			    struct damon_access_report *reports, size_t nr,
			    struct damon_perf_counts *counts, bool *whole_words)
{
	size_t at = 0;

	while (at < len && counts->reports < nr) {
		int64_t size = damon_perf_record_size(bytes + at, len - at);

		if (size <= 0) {
			counts->corrupt++;
			return len;
		}
		*whole_words = *whole_words && size % 8 == 0;
		must(damon_perf_decode(d, NOW_NS, bytes + at, size, reports + counts->reports,
				       nr - counts->reports, counts) == (size_t)size);
		at += size;
	}
	return at;
}

static void compare(const struct made_ring *r, const struct damon_perf_decoding *d,
		    uint64_t tail, uint64_t head, const struct damon_access_report *found,
		    size_t nr, const struct damon_perf_counts *counts)
{
	size_t len = head - tail, at = tail & (r->size - 1);
	size_t to_end = len < r->size - at ? len : r->size - at;
	struct damon_access_report *reports = room_for(nr);
	struct damon_perf_counts slow = { 0 };
	uint8_t *flat = malloc(len ? len : 1);
	bool whole_words = true;
	uint64_t used;

	must(flat);
	memcpy(flat, r->data + at, to_end);
	memcpy(flat + to_end, r->data, len - to_end);
	used = read_slowly(d, flat, len, reports, nr, &slow, &whole_words);
	/* The kernel writes whole words; where another record begins between them is not told. */
	if (whole_words) {
		must(!memcmp(&slow, counts, sizeof(slow)));
		must(!memcmp(reports, found, slow.reports * sizeof(*reports)));
		must(position(r, AT_TAIL) == tail + used);
	}
	free(flat);
	free(reports);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct { uint64_t tail, len; uint8_t ring, spare[7]; } head;
	struct damon_perf_counts counts = { 0 };
	struct input in = { bytes, bytes + size };
	struct damon_access_report *reports;
	size_t room, len, nr, first;
	struct damon_perf_decoding d;
	int32_t pids[MAX_PIDS];
	struct made_ring *r;
	uint8_t *records;

	d = take_decoding(&in, pids, &room);
	take(&in, &head, sizeof(head));
	records = take_rest(&in, &len);
	r = ring_of(head.ring);
	len = len < r->size ? len : r->size;
	first = head.tail & (r->size - 1);
	memcpy(r->data + first, records, len < r->size - first ? len : r->size - first);
	if (len > r->size - first)
		memcpy(r->data, records + (r->size - first), len - (r->size - first));
	/* Mostly as much as there is; a broken length else. */
	head.len = head.len ? head.len : len;
	memcpy(r->memory + AT_TAIL, &head.tail, sizeof(head.tail));
	head.len += head.tail;
	memcpy(r->memory + AT_HEAD, &head.len, sizeof(head.len));

	reports = room_for(room);
	nr = damon_perf_ring_drain(r->ring, &d, NOW_NS, reports, room, &counts);
	must(nr <= room && nr == counts.reports && counts.corrupt <= 1);
	must(position(r, AT_HEAD) == head.len);
	must(nr == room || position(r, AT_TAIL) == head.len);
	must_add_up(&counts);
	must_be_sound(&d, reports, nr);
	/* Positions that cannot be: nothing is believed. */
	if (room && (head.tail % 8 || head.len - head.tail > r->size))
		must(!nr && counts.corrupt == (head.len != head.tail));
	else if (room)
		compare(r, &d, head.tail, head.len, reports, room, &counts);
	free(reports);
	free(records);
	return 0;
}
