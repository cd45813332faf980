/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The region matcher: which regions do these access reports fall in?
 *
 * Looks at a report once, in an index of the regions' borders, so the cost depends
 * neither on the number of regions nor on the size of memory.  What it found is
 * folded into the regions source by source.
 */
#ifndef DAMON_MATCHER_H
#define DAMON_MATCHER_H

#include <stdbool.h>
#include <damon/report.h>
#include "filter.h"
#include "regions.h"
#include "ring.h"

/* Where a report ended; each ends in exactly one. */
struct damon_report_counters {
	uint64_t credited;
	uint64_t filtered;
	uint64_t no_address;
	uint64_t no_target;
	uint64_t no_region;
	uint64_t stale;
	uint64_t lost;
};

struct damon_matcher;

/* @physical: reports count by physical address, without regard to processes. */
struct damon_matcher *damon_matcher_create(bool physical);
void damon_matcher_destroy(struct damon_matcher *m);

/* Replace the filters; they and their ids are copied.  0 or -ENOMEM. */
int damon_matcher_set_filters(struct damon_matcher *m, const struct damon_filter *filters,
			      size_t nr_filters);
/* With @page_size above 0 only the page of the sampling address counts. */
void damon_matcher_set_sampled(struct damon_matcher *m, uint64_t page_size);

/* Learn the borders and sampling addresses of this tick.  0 or -ENOMEM. */
int damon_matcher_begin_tick(struct damon_matcher *m, const struct damon_region_map *map);

/* Reports with an exact time before this are stale. */
void damon_matcher_set_not_before(struct damon_matcher *m, uint64_t time_ns);

/* Match reports; each is counted in @counters. */
void damon_matcher_credit(struct damon_matcher *m, const struct damon_access_report *reports,
			  size_t nr_reports, struct damon_report_counters *counters);

/* Drain a ring and end its interval: what it lost is counted too. */
void damon_matcher_drain(struct damon_matcher *m, struct damon_ring *ring,
			 struct damon_report_counters *counters);

/**
 * damon_matcher_credit_bitmap - match whole ranges at once
 * @target: index in the region map
 * @words: bit i set: page i from @start was accessed; each is counted as a report
 * @flags: DAMON_REPORT_* that hold for all of them
 */
void damon_matcher_credit_bitmap(struct damon_matcher *m, size_t target, uint64_t start,
				 uint64_t page_size, const uint64_t *words, size_t nr_words,
				 uint16_t flags, struct damon_report_counters *counters);

/* Add what @source's reports hit to the regions.  -ESTALE: borders have changed. */
int damon_matcher_fold(struct damon_matcher *m, struct damon_region_map *map, unsigned int source);

#endif
