// SPDX-License-Identifier: Apache-2.0
/* Bytes that shall be perf records, decoded at once and in small steps: the same must come out. */
#include "input.h"

#define NOW_NS 77

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Where the records end that are whole. */
static size_t end_of_records(const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	int64_t size;

	while ((size = damon_perf_record_size(bytes + at, len - at)) > 0) {
		must((size_t)size >= DAMON_PERF_HEADER_SIZE && (size_t)size <= len - at);
		at += size;
	}
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct damon_perf_counts whole = { 0 }, parts = { 0 };
	struct damon_access_report *reports, *some;
	struct input in = { bytes, bytes + size };
	size_t len, room, used, at = 0, done = 0;
	struct damon_perf_decoding d;
	int32_t pids[MAX_PIDS];
	uint8_t *records;

	d = take_decoding(&in, pids, &room);
	records = take_rest(&in, &len);
	reports = room_for(len / DAMON_PERF_HEADER_SIZE);
	used = damon_perf_decode(&d, NOW_NS, records, len, reports, len / DAMON_PERF_HEADER_SIZE,
				 &whole);
	must(len < DAMON_PERF_HEADER_SIZE ? !used : used == end_of_records(records, len));
	must_add_up(&whole);
	must_be_sound(&d, reports, whole.reports);

	room = room ? room : 1;
	some = room_for(room);
	for (;;) {
		uint64_t before = parts.reports;

		used = damon_perf_decode(&d, NOW_NS, records + at, len - at, some, room, &parts);
		must(used <= len - at && parts.reports - before <= room);
		must(!memcmp(some, reports + done, (parts.reports - before) * sizeof(*some)));
		done += parts.reports - before;
		at += used;
		if (parts.reports - before < room)
			break;
	}
	must(!memcmp(&whole, &parts, sizeof(whole)));
	free(some);
	free(reports);
	free(records);
	return 0;
}
