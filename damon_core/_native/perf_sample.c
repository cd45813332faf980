// SPDX-License-Identifier: Apache-2.0
#include "perf_sample.h"

enum {
	FORMAT_TIMES = 3,		/* enabled, running */
	FORMAT_ID = 1 << 2,
	FORMAT_GROUP = 1 << 3,
	FORMAT_LOST = 1 << 4,
};

enum {
	BRANCH_HW_INDEX = 1 << 17,
	BRANCH_COUNTERS = 1 << 19,
};

#define BRANCH_WORDS 3			/* from, to, flags */

/* What is left of a record; at NULL once a field was longer than that. */
struct rest {
	const uint8_t *at, *end;
};

static inline size_t nr_words(const struct rest *r)
{
	return r->at ? (r->end - r->at) / PERF_WORD : 0;
}

static inline void skip(struct rest *r, uint64_t words)
{
	r->at = r->at && words <= nr_words(r) ? r->at + words * PERF_WORD : NULL;
}

/* @nr elements of @words each: a product that may not be formed before @nr is known to be sane. */
static inline void skip_array(struct rest *r, uint64_t nr, uint64_t words)
{
	skip(r, nr <= nr_words(r) ? nr * words : UINT64_MAX);
}

/* The next word; 0, and nothing is left, if there is none. */
static inline uint64_t take(struct rest *r)
{
	uint64_t word = nr_words(r) ? perf_load64(r->at) : 0;

	skip(r, 1);
	return word;
}

static void skip_read(uint64_t format, struct rest *r)
{
	uint64_t words = 1 + !!(format & FORMAT_ID) + !!(format & FORMAT_LOST);
	uint64_t nr = format & FORMAT_GROUP ? take(r) : 1;

	skip(r, __builtin_popcountll(format & FORMAT_TIMES));
	skip_array(r, nr, words);
}

static void skip_raw(struct rest *r, const uint8_t **raw)
{
	*raw = r->at;
	r->at = r->at ? perf_skip_raw(r->at, r->end) : NULL;
}

static void skip_branch_stack(uint64_t type, struct rest *r)
{
	uint64_t nr = take(r);

	skip(r, !!(type & BRANCH_HW_INDEX));
	skip_array(r, nr, BRANCH_WORDS + !!(type & BRANCH_COUNTERS));
}

static void skip_regs(uint64_t mask, struct rest *r)
{
	uint64_t abi = take(r);

	skip(r, abi ? __builtin_popcountll(mask) : 0);
}

static void skip_stack(struct rest *r)
{
	uint64_t size = take(r);

	if (!size)
		return;
	skip(r, size / PERF_WORD + !!(size % PERF_WORD));
	skip(r, 1);			/* how much of it is valid */
}

const uint8_t *perf_skip_middle(const struct perf_shape *shape, const uint8_t *at,
				const uint8_t *end, const uint8_t **raw)
{
	struct rest r = { at, end };
	uint64_t type = shape->sample_type;

	if (type & PERF_HAS_READ)
		skip_read(shape->read_format, &r);
	if (type & PERF_HAS_CALLCHAIN)
		skip_array(&r, take(&r), 1);
	if (type & PERF_HAS_RAW)
		skip_raw(&r, raw);
	if (type & PERF_HAS_BRANCH_STACK)
		skip_branch_stack(shape->branch_sample_type, &r);
	if (type & PERF_HAS_REGS_USER)
		skip_regs(shape->regs_user, &r);
	if (type & PERF_HAS_STACK_USER)
		skip_stack(&r);
	return r.at;
}

const uint8_t *perf_skip_regs(uint64_t mask, const uint8_t *at, const uint8_t *end)
{
	struct rest r = { at, end };

	skip_regs(mask, &r);
	return r.at;
}
