// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "perf_file.h"

enum {
	RECORD_MMAP = 1,
	RECORD_COMM = 3,
	RECORD_FORK = 7,
	RECORD_SAMPLE = 9,
	RECORD_MMAP2 = 10,
	FIRST_OF_PERF = 64,		/* written by perf, not by the kernel */
};

#define UNKNOWN_EVENT (UINT32_MAX - 1)
#define RUN_BYTES (32 << 10)		/* what the decoder reads again is still in the cache */

/* Where a walk over records stands: the last id is nearly always that of the next sample too. */
struct walk {
	struct damon_perf_file *f;
	uint64_t last_id;
	uint32_t last_event;
};

static uint32_t find_event(const struct damon_perf_file *f, uint64_t id)
{
	size_t lo = 0, hi = f->nr_ids;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->ids[mid].id == id)
			return f->ids[mid].event;
		if (f->ids[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return UNKNOWN_EVENT;
}

/* Which event a sample is of; one too short to tell is as good as of the first. */
static uint32_t event_of(struct walk *w, const uint8_t *body, size_t size)
{
	const struct damon_perf_file *f = w->f;
	uint64_t id;

	if (f->id_at == DAMON_PERF_NO_ID || size < sizeof(id) || f->id_at > size - sizeof(id))
		return f->first;
	memcpy(&id, body + f->id_at, sizeof(id));
	if (!id)			/* of perf's own making */
		return f->first;
	if (id != w->last_id) {
		w->last_id = id;
		w->last_event = find_event(f, id);
	}
	return w->last_event;
}

static bool is_told(const struct damon_perf_file *f, uint32_t type)
{
	return type >= FIRST_OF_PERF ||
	       (f->tell_tasks && (type == RECORD_MMAP || type == RECORD_COMM ||
				  type == RECORD_FORK || type == RECORD_MMAP2));
}

/* Count a sample that no decoding is for. */
static bool is_unwanted(struct damon_perf_file *f, uint32_t event)
{
	return event == UNKNOWN_EVENT || event >= f->nr_events;
}

/*
 * How many bytes of records there are from @at on that one decoding can read; it
 * is that of *@event.  0, and the reason in f->stop, if there is none.
 */
static size_t next_run(struct walk *w, const uint8_t *at, size_t len, uint32_t *event)
{
	struct damon_perf_file *f = w->f;
	size_t run = 0;
	bool has_event = false;

	*event = 0;
	while (run < RUN_BYTES) {
		int64_t size = damon_perf_record_size(at + run, len - run);
		uint32_t type, of;

		f->stop = size < 0 ? DAMON_PERF_CORRUPT : DAMON_PERF_NOT_WHOLE;
		if (size <= 0)
			break;
		memcpy(&type, at + run, sizeof(type));
		f->stop = DAMON_PERF_TOLD;
		if (is_told(f, type))
			break;
		if (type == RECORD_SAMPLE) {
			of = event_of(w, at + run + DAMON_PERF_HEADER_SIZE,
				      size - DAMON_PERF_HEADER_SIZE);
			if (is_unwanted(f, of) || (has_event && of != *event)) {
				if (!run)
					*event = of;
				break;
			}
			has_event = true;
			*event = of;
		}
		run += size;
	}
	return run;
}

/* Step over the sample at @at that no decoding is for. */
static size_t skip_unwanted(struct damon_perf_file *f, uint32_t event, const uint8_t *at,
			    size_t len)
{
	if (event == UNKNOWN_EVENT)
		f->unknown_event++;
	else
		f->other_event++;
	return damon_perf_record_size(at, len);
}

size_t damon_perf_file_decode(struct damon_perf_file *f, const void *bytes, size_t len,
			      struct damon_access_report *reports, size_t nr)
{
	struct walk w = { .f = f, .last_event = UNKNOWN_EVENT };
	const uint8_t *from = bytes;
	size_t at = 0;

	f->nr_reports = 0;
	for (;;) {
		uint32_t event;
		size_t run = next_run(&w, from + at, len - at, &event), used;
		uint64_t before;

		if (!run) {
			if (!is_unwanted(f, event))
				return at;
			at += skip_unwanted(f, event, from + at, len - at);
			continue;
		}
		before = f->counts[event]->reports;
		used = damon_perf_decode(f->decodings[event], 0, from + at, run,
					 reports + f->nr_reports, nr - f->nr_reports,
					 f->counts[event]);
		f->nr_reports += f->counts[event]->reports - before;
		at += used;
		if (used < run) {
			f->stop = DAMON_PERF_NO_ROOM;
			return at;
		}
	}
}
