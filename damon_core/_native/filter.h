/* SPDX-License-Identifier: Apache-2.0 */
/* Sample filters: which access reports count, by CPU, thread and direction. */
#ifndef DAMON_FILTER_H
#define DAMON_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <damon/report.h>

enum damon_filter_type {
	DAMON_FILTER_CPUMASK,
	DAMON_FILTER_THREADS,
	DAMON_FILTER_WRITE,
};

/**
 * struct damon_filter - applies to a report if its condition's truth is @matching
 * @allow: what then happens to the report
 * @ids: CPUs or thread ids, ascending; unused by DAMON_FILTER_WRITE
 */
struct damon_filter {
	uint32_t type;
	bool matching;
	bool allow;
	const int32_t *ids;
	size_t nr_ids;
};

/*
 * The first filter that applies decides; if none does, the opposite of the last
 * one's allow; no filter allows all.  A filter never applies to a report that
 * cannot tell what it asks for: an unknown direction is not a read.
 */
bool damon_filters_allow(const struct damon_filter *filters, size_t nr_filters,
			 const struct damon_access_report *report);

#endif
