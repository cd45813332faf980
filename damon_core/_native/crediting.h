/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a matcher is made of, for the file that has its life (matcher.c) and the
 * one that has its hot path (crediting.c); all others know matcher.h.
 */
#ifndef DAMON_CREDITING_H
#define DAMON_CREDITING_H

#include "matcher.h"
#include "region_index.h"

struct damon_matcher {
	bool physical;
	uint64_t sampled_page;		/* 0: any page counts */
	uint64_t not_before_ns;
	struct damon_region_index index;

	/* by slot of the index; apart from it: what is stored to is not what is loaded */
	uint32_t *hits;
	uint64_t *bytes;
	uint64_t *sampling_addrs;
	size_t cap;

	struct damon_filter *filters;
	size_t nr_filters;
};

#endif
