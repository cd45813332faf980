/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of perf_event_open(2), as they lie in a ring buffer or in a perf.data
 * file, to access reports.
 *
 * The bytes are not trusted: nothing is read outside of a record, whatever its
 * header, its fields and the sizes inside of it say.
 */
#ifndef DAMON_PERF_RECORD_H
#define DAMON_PERF_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <damon/report.h>

#define DAMON_PERF_HEADER_SIZE 8

/* How the direction of an access is known. */
enum damon_perf_direction {
	DAMON_PERF_FIXED,		/* it is that of the event, in @flags */
	DAMON_PERF_DATA_SRC,		/* the operation in DATA_SRC; that of the event if it is unknown */
	DAMON_PERF_RAW,			/* bits of the raw data */
	DAMON_PERF_IBS,			/* the registers of AMD's IBS for ops, as raw data */
};

/**
 * struct damon_perf_decoding - what the samples of an event hold, and what becomes of it
 * @sample_type: as in the perf_event_attr, like @read_format, @branch_sample_type,
 *	@regs_user and @regs_intr
 * @user_end: virtual addresses from here on are dropped as the kernel's; 0 keeps all
 * @align: report the aligned block of so many bytes (a power of two) that holds
 *	the address, 0 for a report of one byte
 * @raw_addr: offset of the address in the raw data, 0 to take it from ADDR
 * @raw_write: offset of the 8 bytes that tell the direction (DAMON_PERF_RAW), or of IbsOpData3,
 *	which tells the size of the access too (DAMON_PERF_IBS)
 * @write_mask: any of these set there means a write, none a read
 * @pids: ascending; only samples of these processes are reported
 * @nr_pids: 0 for all processes
 * @direction: enum damon_perf_direction
 * @weight: accesses that a sample without PERIOD stands for
 * @flags: DAMON_REPORT_READ or _WRITE where that is fixed
 * @needs: DAMON_REPORT_HAS_VADDR or _HAS_PADDR: samples without it are dropped
 * @exact_time: TIME is CLOCK_MONOTONIC and the time of the access
 * @keep_prefetches: report prefetches too
 */
struct damon_perf_decoding {
	uint64_t sample_type;
	uint64_t read_format;
	uint64_t branch_sample_type;
	uint64_t regs_user;
	uint64_t regs_intr;
	uint64_t user_end;
	uint64_t align;
	uint64_t write_mask;
	const int32_t *pids;
	size_t nr_pids;
	uint32_t raw_addr;
	uint32_t raw_write;
	uint32_t direction;
	uint32_t weight;
	uint16_t flags;
	uint16_t needs;
	bool exact_time;
	bool keep_prefetches;
};

/**
 * struct damon_perf_counts - what became of records; only ever added to
 * @samples: samples, whatever became of them: the sum of @reports to @malformed
 * @reports: samples that were reported
 * @other_process: samples of processes that were not asked for
 * @kernel: samples with an address of the kernel
 * @no_address: samples without the address that is needed
 * @prefetches: samples of prefetches, unless they are kept
 * @no_access: samples of operations that do not access memory, and fetches of code
 * @malformed: samples that are shorter than what they must hold
 * @lost: samples lost in a full ring, as LOST records tell: late, and not always
 * @lost_samples: samples that the hardware lost
 * @throttled: how often the event was stopped because of its rate
 * @others: records of other kinds
 * @corrupt: how often bytes were no record: a ring is skipped to its end then
 */
struct damon_perf_counts {
	uint64_t samples;
	uint64_t reports;
	uint64_t other_process;
	uint64_t kernel;
	uint64_t no_address;
	uint64_t prefetches;
	uint64_t no_access;
	uint64_t malformed;
	uint64_t lost;
	uint64_t lost_samples;
	uint64_t throttled;
	uint64_t others;
	uint64_t corrupt;
};

/*
 * The size of the record at @bytes, of which @len are there: 0 if it is not whole,
 * negative if this is the header of no record.
 */
int64_t damon_perf_record_size(const void *bytes, size_t len);

/*
 * Turn the whole records in @bytes into at most @nr @reports; how many bytes were
 * used up.  Stops at the first record that is not whole, or for which there
 * is no room.  @now_ns is the time of samples that do not tell theirs.
 */
size_t damon_perf_decode(const struct damon_perf_decoding *d, uint64_t now_ns, const void *bytes,
			 size_t len, struct damon_access_report *reports, size_t nr,
			 struct damon_perf_counts *counts);

#endif
