// SPDX-License-Identifier: Apache-2.0
/*
 * The records of a perf.data file with several events, in small steps; what comes out must
 * be what one record after the other gives, each sample by the decoding of its id.
 */
#include "input.h"
#include "perf_file.h"

#define NR_EVENTS 3
#define NR_IDS 4

/* perf_event_open(2); those from FIRST_OF_PERF on are perf's own */
enum {
	RECORD_MMAP = 1,
	RECORD_COMM = 3,
	RECORD_FORK = 7,
	RECORD_SAMPLE = 9,
	RECORD_MMAP2 = 10,
	FIRST_OF_PERF = 64,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct file_head {
	uint64_t sample_type, ids[NR_IDS];
	uint32_t id_at;
	uint8_t first, tell_tasks, nr_ids, events[NR_IDS], spare[5];
};
_Static_assert(sizeof(struct file_head) == 56, "as fuzz/seeds.py packs it");

/* A file of three events; what it points to lies in it. */
struct events {
	struct damon_perf_file file;
	struct damon_perf_decoding decodings[NR_EVENTS];
	const struct damon_perf_decoding *decoding_of[NR_EVENTS];
	struct damon_perf_counts counts[NR_EVENTS];
	struct damon_perf_counts *counts_of[NR_EVENTS];
	struct damon_perf_id ids[NR_IDS];
};

/* One of the events, or that none is wanted. */
static uint32_t some_event(uint8_t choice)
{
	return choice % (NR_EVENTS + 1) < NR_EVENTS ? choice % (NR_EVENTS + 1)
						    : DAMON_PERF_NO_EVENT;
}

static void make_events(struct events *e, const struct damon_perf_decoding *d,
			const struct file_head *h)
{
	memset(e, 0, sizeof(*e));
	for (size_t i = 0; i < NR_EVENTS; i++) {
		e->decodings[i] = *d;
		e->decoding_of[i] = &e->decodings[i];
		e->counts_of[i] = &e->counts[i];
	}
	e->decodings[1].sample_type = h->sample_type;
	e->decodings[2].direction = DAMON_PERF_FIXED;
	for (size_t i = 0; i < NR_IDS; i++) {
		uint64_t last = i ? e->ids[i - 1].id : 0, id = h->ids[i] >> 1;

		/* what is listed ascends, and there is room for all */
		e->ids[i].id = id > last ? id : last + 1;
		e->ids[i].event = some_event(h->events[i]);
	}
	e->file = (struct damon_perf_file){
		.decodings = e->decoding_of,
		.counts = e->counts_of,
		.nr_events = NR_EVENTS,
		.ids = e->ids,
		.nr_ids = h->nr_ids % (NR_IDS + 1),
		.id_at = h->id_at,
		.first = some_event(h->first),
		.tell_tasks = h->tell_tasks & 1,
	};
}

static uint32_t type_of(const uint8_t *at)
{
	uint32_t type;

	memcpy(&type, at, sizeof(type));
	return type;
}

static bool is_told(const struct damon_perf_file *f, uint32_t type)
{
	return type >= FIRST_OF_PERF ||
	       (f->tell_tasks && (type == RECORD_MMAP || type == RECORD_COMM ||
				  type == RECORD_FORK || type == RECORD_MMAP2));
}

/* The event of a sample; NR_EVENTS if its id is unknown. */
static uint32_t event_of(const struct damon_perf_file *f, const uint8_t *body, size_t size)
{
	uint64_t id = 0;

	if (f->id_at != DAMON_PERF_NO_ID && size >= sizeof(id) && f->id_at <= size - sizeof(id))
		memcpy(&id, body + f->id_at, sizeof(id));
	if (!id)
		return f->first;
	for (size_t i = 0; i < f->nr_ids; i++)
		if (f->ids[i].id == id)
			return f->ids[i].event;
	return NR_EVENTS;
}

/* All of it, a record a step; how many reports there are. */
static size_t read_slowly(struct events *e, const uint8_t *bytes, size_t len,
			  struct damon_access_report *reports)
{
	struct damon_perf_file *f = &e->file;
	size_t at = 0, nr = 0;
	int64_t size;

	for (; (size = damon_perf_record_size(bytes + at, len - at)) > 0; at += size) {
		uint32_t type = type_of(bytes + at), event = 0;
		uint64_t before;

		if (is_told(f, type))
			continue;
		if (type == RECORD_SAMPLE)
			event = event_of(f, bytes + at + DAMON_PERF_HEADER_SIZE,
					 size - DAMON_PERF_HEADER_SIZE);
		if (event >= NR_EVENTS) {
			f->unknown_event += event == NR_EVENTS;
			f->other_event += event != NR_EVENTS;
			continue;
		}
		before = e->counts[event].reports;
		must(damon_perf_decode(&e->decodings[event], 0, bytes + at, size, reports + nr, 1,
				       &e->counts[event]) == (size_t)size);
		nr += e->counts[event].reports - before;
	}
	return nr;
}

/* The same in calls with little room, each of which must end where it says. */
static size_t read_in_steps(struct events *e, const uint8_t *bytes, size_t len, size_t room,
			    struct damon_access_report *reports)
{
	struct damon_access_report *some = room_for(room);
	struct damon_perf_file *f = &e->file;
	size_t at = 0, nr = 0;
	bool is_over = false;

	while (!is_over) {
		size_t used = damon_perf_file_decode(f, bytes + at, len - at, some, room);
		int64_t size;

		must(used <= len - at && f->nr_reports <= room);
		memcpy(reports + nr, some, f->nr_reports * sizeof(*some));
		nr += f->nr_reports;
		at += used;
		size = damon_perf_record_size(bytes + at, len - at);
		switch (f->stop) {
		case DAMON_PERF_NO_ROOM:
			must(f->nr_reports == room);
			break;
		case DAMON_PERF_TOLD:
			must(size > 0 && is_told(f, type_of(bytes + at)));
			at += size;
			break;
		case DAMON_PERF_CORRUPT:
			must(size < 0);
			is_over = true;
			break;
		default:
			must(f->stop == DAMON_PERF_NOT_WHOLE && !size);
			is_over = true;
		}
	}
	free(some);
	return nr;
}

/* To which event records that are no samples are counted is not told: the sums must be right. */
static struct damon_perf_counts sum_of(const struct events *e)
{
	struct damon_perf_counts sum = e->counts[0];

	for (size_t i = 1; i < NR_EVENTS; i++) {
		sum.lost += e->counts[i].lost;
		sum.lost_samples += e->counts[i].lost_samples;
		sum.throttled += e->counts[i].throttled;
		sum.others += e->counts[i].others;
	}
	return sum;
}

static void must_be_alike(const struct events *one, const struct events *other)
{
	struct damon_perf_counts a = sum_of(one), b = sum_of(other);

	must(!memcmp(&a, &b, sizeof(a)));
	for (size_t i = 0; i < NR_EVENTS; i++) {
		must_add_up(&one->counts[i]);
		must(one->counts[i].samples == other->counts[i].samples);
		must(one->counts[i].reports == other->counts[i].reports);
	}
	must(one->file.unknown_event == other->file.unknown_event);
	must(one->file.other_event == other->file.other_event);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct damon_access_report *slow, *stepped;
	struct input in = { bytes, bytes + size };
	struct damon_perf_decoding d;
	struct events one, other;
	size_t room, len, nr;
	int32_t pids[MAX_PIDS];
	struct file_head head;
	uint8_t *records;

	d = take_decoding(&in, pids, &room);
	take(&in, &head, sizeof(head));
	records = take_rest(&in, &len);
	make_events(&one, &d, &head);
	make_events(&other, &d, &head);
	slow = room_for(len / DAMON_PERF_HEADER_SIZE);
	stepped = room_for(len / DAMON_PERF_HEADER_SIZE);
	nr = read_slowly(&one, records, len, slow);
	must(read_in_steps(&other, records, len, room ? room : 1, stepped) == nr);
	must(!memcmp(slow, stepped, nr * sizeof(*slow)));
	must_be_alike(&one, &other);
	free(stepped);
	free(slow);
	free(records);
	return 0;
}
