// SPDX-License-Identifier: Apache-2.0
#include "filter.h"

static bool contains(const struct damon_filter *filter, int64_t id)
{
	size_t lo = 0, hi = filter->nr_ids;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (filter->ids[mid] == id)
			return true;
		if (filter->ids[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static bool applies(const struct damon_filter *filter, const struct damon_access_report *report)
{
	bool holds;

	switch (filter->type) {
	case DAMON_FILTER_CPUMASK:
		if (!(report->flags & DAMON_REPORT_HAS_CPU))
			return false;
		holds = contains(filter, report->cpu);
		break;
	case DAMON_FILTER_THREADS:
		if (!(report->flags & DAMON_REPORT_HAS_TID))
			return false;
		holds = contains(filter, report->tid);
		break;
	default:
		if (!(report->flags & (DAMON_REPORT_WRITE | DAMON_REPORT_READ)))
			return false;
		holds = report->flags & DAMON_REPORT_WRITE;
	}
	return holds == filter->matching;
}

bool damon_filters_allow(const struct damon_filter *filters, size_t nr_filters,
			 const struct damon_access_report *report)
{
	for (size_t i = 0; i < nr_filters; i++)
		if (applies(&filters[i], report))
			return filters[i].allow;
	return nr_filters ? !filters[nr_filters - 1].allow : true;
}
