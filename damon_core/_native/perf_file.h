/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a perf.data file: each sample goes to the decoding of its event,
 * found by the id in it.
 *
 * As perf_record.h, it trusts no byte.
 */
#ifndef DAMON_PERF_FILE_H
#define DAMON_PERF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <damon/report.h>
#include "perf_record.h"

#define DAMON_PERF_NO_ID UINT32_MAX	/* samples do not tell their event */
#define DAMON_PERF_NO_EVENT UINT32_MAX	/* nothing is to be known of the samples */

enum damon_perf_stop {
	DAMON_PERF_NOT_WHOLE,		/* what is left is no whole record */
	DAMON_PERF_NO_ROOM,		/* for more reports */
	DAMON_PERF_TOLD,		/* at a record that is for the caller to read */
	DAMON_PERF_CORRUPT,		/* what is left begins with no record */
};

/* Which of the decodings the samples with @id have. */
struct damon_perf_id {
	uint64_t id;
	uint32_t event;
};

/**
 * struct damon_perf_file - how the records of a file are read, and how far a call got
 * @decodings: one for each event of which samples are wanted
 * @counts: of each of them
 * @nr_events: at least 1
 * @ids: ascending
 * @id_at: where a sample has its id, in bytes behind the header
 * @first: the event of samples that tell none
 * @tell_tasks: stop also at records of names and mappings of processes
 * @other_event: samples of events that are not wanted
 * @unknown_event: samples of ids that no event has
 * @nr_reports: how many the last call has made
 * @stop: enum damon_perf_stop, why it ended
 */
struct damon_perf_file {
	const struct damon_perf_decoding *const *decodings;
	struct damon_perf_counts *const *counts;
	size_t nr_events;
	const struct damon_perf_id *ids;
	size_t nr_ids;
	uint32_t id_at;
	uint32_t first;
	bool tell_tasks;
	uint64_t other_event;
	uint64_t unknown_event;
	size_t nr_reports;
	uint32_t stop;
};

/*
 * Turn the whole records in @bytes into at most @nr @reports, as far as there is
 * none for the caller to read; how many bytes were used up.
 */
size_t damon_perf_file_decode(struct damon_perf_file *f, const void *bytes, size_t len,
			      struct damon_access_report *reports, size_t nr);

#endif
