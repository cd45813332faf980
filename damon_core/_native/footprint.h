/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who accesses how much, and where: what is to be known of access reports before
 * they can be monitored.
 *
 * Addresses are kept as blocks, of a page at first; when there are too many, the
 * blocks become twice as large, so that memory is bounded whatever is reported.
 */
#ifndef DAMON_FOOTPRINT_H
#define DAMON_FOOTPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <damon/report.h>

/* @weight: sum of the weights of its @nr_reports. */
struct damon_footprint_process {
	int32_t pid;
	uint64_t nr_reports;
	uint64_t weight;
};

/* The bytes from @block << shift on, of the process with this index; 0 if physical. */
struct damon_footprint_block {
	uint64_t block;
	uint32_t process;
	uint32_t used;
};

struct damon_footprint;

/* @max_blocks: a power of two.  NULL: no memory. */
struct damon_footprint *damon_footprint_create(size_t max_blocks, bool physical);
void damon_footprint_destroy(struct damon_footprint *fp);

/* Add reports; those of too many processes are only counted.  0 or -ENOMEM. */
int damon_footprint_add(struct damon_footprint *fp, const struct damon_access_report *reports,
			size_t nr);

unsigned int damon_footprint_shift(const struct damon_footprint *fp);
uint64_t damon_footprint_nr_untold(const struct damon_footprint *fp);
size_t damon_footprint_nr_processes(const struct damon_footprint *fp);
size_t damon_footprint_nr_blocks(const struct damon_footprint *fp);
/* Both in no particular order. */
void damon_footprint_processes(const struct damon_footprint *fp,
			       struct damon_footprint_process *ret);
void damon_footprint_blocks(const struct damon_footprint *fp, struct damon_footprint_block *ret);

#endif
