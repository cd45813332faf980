/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages that a sampling interval looks at, one per region, and what was
 * learnt of each.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <damon/report.h>

enum sample_state {
	SAMPLE_ABSENT,		/* no page there */
	SAMPLE_ARMED,		/* its accessed bit is clear: an access will show */
	SAMPLE_IDLE,
	SAMPLE_ACCESSED,
	SAMPLE_CANNOT_TELL,
};

/**
 * struct sample - one page
 * @addr: of its first byte
 * @pfn: page frame, valid unless SAMPLE_ABSENT
 * @fd: the process's pagemap or pidfd, -1 for physical memory
 */
struct sample {
	uint64_t addr;
	uint64_t pfn;
	int32_t pid;
	int32_t fd;
	enum sample_state state;
};

/* @reported: samples that samples_report() is done with. */
struct samples {
	struct sample *array;
	size_t nr;
	size_t cap;
	size_t reported;
	uint64_t page_size;
};

void samples_init(struct samples *samples, uint64_t page_size);
void samples_deinit(struct samples *samples);
void samples_reset(struct samples *samples);

/* Adds the pages of ascending addresses, as SAMPLE_ABSENT.  0 or -ENOMEM. */
int samples_add(struct samples *samples, int fd, int32_t pid, const uint64_t *addrs, size_t nr);

/* How many of samples[0..nr) are of the same process as the first. */
size_t samples_process_len(const struct sample *samples, size_t nr);

size_t samples_count(const struct samples *samples, enum sample_state state);

/* Fills slots with the next SAMPLE_ACCESSED ones (NULL: skips them); how many. */
size_t samples_report(struct samples *samples, struct damon_access_report *slots, size_t nr);

#endif
