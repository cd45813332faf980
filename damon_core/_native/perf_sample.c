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

static inline size_t room(const struct perf_cursor *c)
{
	return c->end - c->at;
}

static inline bool skip(struct perf_cursor *c, uint64_t words)
{
	if (words > room(c) / PERF_WORD)
		return false;
	c->at += words * PERF_WORD;
	return true;
}

/* @nr elements of @words each: a product that may not be formed before @nr is known to be sane. */
static inline bool skip_array(struct perf_cursor *c, uint64_t nr, uint64_t words)
{
	return nr <= room(c) / PERF_WORD && skip(c, nr * words);
}

static inline bool take(struct perf_cursor *c, uint64_t *v)
{
	if (room(c) < PERF_WORD)
		return false;
	*v = perf_load64(c->at);
	c->at += PERF_WORD;
	return true;
}

static bool skip_read(uint64_t format, struct perf_cursor *c)
{
	uint64_t words = 1 + !!(format & FORMAT_ID) + !!(format & FORMAT_LOST);
	uint64_t nr = 1;

	if (format & FORMAT_GROUP && !take(c, &nr))
		return false;
	return skip(c, __builtin_popcountll(format & FORMAT_TIMES)) && skip_array(c, nr, words);
}

static bool skip_callchain(struct perf_cursor *c)
{
	uint64_t nr;

	return take(c, &nr) && skip(c, nr);
}

static bool take_raw(struct perf_cursor *c, struct perf_sample *s)
{
	if (room(c) < sizeof(uint32_t))
		return false;
	s->raw_size = perf_load32(c->at);
	s->raw = c->at + sizeof(uint32_t);
	/* Size and data together end where the next word begins. */
	return skip(c, (sizeof(uint32_t) + (uint64_t)s->raw_size + PERF_WORD - 1) / PERF_WORD);
}

static bool skip_branch_stack(uint64_t type, struct perf_cursor *c)
{
	uint64_t nr;

	return take(c, &nr) && skip(c, !!(type & BRANCH_HW_INDEX)) &&
	       skip_array(c, nr, BRANCH_WORDS + !!(type & BRANCH_COUNTERS));
}

static bool skip_regs(uint64_t mask, struct perf_cursor *c)
{
	uint64_t abi;

	return take(c, &abi) && (!abi || skip(c, __builtin_popcountll(mask)));
}

static bool skip_stack(struct perf_cursor *c)
{
	uint64_t size;

	if (!take(c, &size))
		return false;
	if (!size)
		return true;
	/* What was dumped, and how much of it is valid. */
	return size <= room(c) && skip(c, (size + PERF_WORD - 1) / PERF_WORD) && skip(c, 1);
}

bool perf_take_middle(const struct perf_shape *shape, struct perf_cursor *c,
		      struct perf_sample *s)
{
	uint64_t type = shape->sample_type;

	return (!(type & PERF_HAS_READ) || skip_read(shape->read_format, c)) &&
	       (!(type & PERF_HAS_CALLCHAIN) || skip_callchain(c)) &&
	       (!(type & PERF_HAS_RAW) || take_raw(c, s)) &&
	       (!(type & PERF_HAS_BRANCH_STACK) ||
		skip_branch_stack(shape->branch_sample_type, c)) &&
	       (!(type & PERF_HAS_REGS_USER) || skip_regs(shape->regs_user, c)) &&
	       (!(type & PERF_HAS_STACK_USER) || skip_stack(c));
}

bool perf_take_tail(const struct perf_shape *shape, struct perf_cursor *c, struct perf_sample *s)
{
	uint64_t type = shape->sample_type;

	return (!(type & (PERF_HAS_WEIGHT | PERF_HAS_WEIGHT_STRUCT)) || skip(c, 1)) &&
	       (!(type & PERF_HAS_DATA_SRC) || take(c, &s->data_src)) &&
	       (!(type & PERF_HAS_TRANSACTION) || skip(c, 1)) &&
	       (!(type & PERF_HAS_REGS_INTR) || skip_regs(shape->regs_intr, c)) &&
	       (!(type & PERF_HAS_PHYS_ADDR) || take(c, &s->phys));
}
