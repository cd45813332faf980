/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of one sample of perf_event_open(2), in the order in which the kernel
 * writes them.  Which are there is known at run time only.
 */
#ifndef DAMON_PERF_SAMPLE_H
#define DAMON_PERF_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The ABI of the kernel; headers to build with may be older than it. */
enum {
	PERF_HAS_IP = 1 << 0,
	PERF_HAS_TID = 1 << 1,
	PERF_HAS_TIME = 1 << 2,
	PERF_HAS_ADDR = 1 << 3,
	PERF_HAS_READ = 1 << 4,
	PERF_HAS_CALLCHAIN = 1 << 5,
	PERF_HAS_ID = 1 << 6,
	PERF_HAS_CPU = 1 << 7,
	PERF_HAS_PERIOD = 1 << 8,
	PERF_HAS_STREAM_ID = 1 << 9,
	PERF_HAS_RAW = 1 << 10,
	PERF_HAS_BRANCH_STACK = 1 << 11,
	PERF_HAS_REGS_USER = 1 << 12,
	PERF_HAS_STACK_USER = 1 << 13,
	PERF_HAS_WEIGHT = 1 << 14,
	PERF_HAS_DATA_SRC = 1 << 15,
	PERF_HAS_IDENTIFIER = 1 << 16,
	PERF_HAS_TRANSACTION = 1 << 17,
	PERF_HAS_REGS_INTR = 1 << 18,
	PERF_HAS_PHYS_ADDR = 1 << 19,
	PERF_HAS_WEIGHT_STRUCT = 1 << 24,
};

/* One word each, and always first. */
#define PERF_HAS_HEAD (PERF_HAS_IDENTIFIER | PERF_HAS_IP | PERF_HAS_TID | PERF_HAS_TIME | \
		       PERF_HAS_ADDR | PERF_HAS_ID | PERF_HAS_STREAM_ID | PERF_HAS_CPU | \
		       PERF_HAS_PERIOD)
/* Of variable length. */
#define PERF_HAS_MIDDLE (PERF_HAS_READ | PERF_HAS_CALLCHAIN | PERF_HAS_RAW | \
			 PERF_HAS_BRANCH_STACK | PERF_HAS_REGS_USER | PERF_HAS_STACK_USER)
/* Behind those; what comes after PHYS_ADDR is not looked at. */
#define PERF_HAS_TAIL (PERF_HAS_WEIGHT | PERF_HAS_WEIGHT_STRUCT | PERF_HAS_DATA_SRC | \
		       PERF_HAS_TRANSACTION | PERF_HAS_REGS_INTR | PERF_HAS_PHYS_ADDR)

#define PERF_WORD sizeof(uint64_t)

/**
 * struct perf_shape - what the samples of an event hold
 * @sample_type: as in the perf_event_attr, like the four that follow
 * @head_size: bytes of the fields of one word that come first
 */
struct perf_shape {
	uint64_t sample_type;
	uint64_t read_format;
	uint64_t branch_sample_type;
	uint64_t regs_user;
	uint64_t regs_intr;
	size_t head_size;
};

/* What a sample has of what is of use here; what it has not stays 0. */
struct perf_sample {
	uint64_t time, addr, phys, period, data_src;
	uint32_t pid, tid, cpu;
	uint32_t raw_size;
	const uint8_t *raw;
};

/* What is left of a record. */
struct perf_cursor {
	const uint8_t *at, *end;
};

/* Words may lie anywhere in a file. */
static inline uint64_t perf_load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t perf_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline size_t perf_head_size(uint64_t sample_type)
{
	return __builtin_popcountll(sample_type & PERF_HAS_HEAD) * PERF_WORD;
}

/* The fields of variable length, and those behind them; false if they exceed the record. */
bool perf_take_middle(const struct perf_shape *shape, struct perf_cursor *c,
		      struct perf_sample *s);
bool perf_take_tail(const struct perf_shape *shape, struct perf_cursor *c,
		    struct perf_sample *s);

static inline void perf_take_head(uint64_t type, const uint8_t *p, struct perf_sample *s)
{
	if (type & PERF_HAS_IDENTIFIER)
		p += PERF_WORD;
	if (type & PERF_HAS_IP)
		p += PERF_WORD;
	if (type & PERF_HAS_TID) {
		s->pid = perf_load32(p);
		s->tid = perf_load32(p + sizeof(uint32_t));
		p += PERF_WORD;
	}
	if (type & PERF_HAS_TIME) {
		s->time = perf_load64(p);
		p += PERF_WORD;
	}
	if (type & PERF_HAS_ADDR) {
		s->addr = perf_load64(p);
		p += PERF_WORD;
	}
	if (type & PERF_HAS_ID)
		p += PERF_WORD;
	if (type & PERF_HAS_STREAM_ID)
		p += PERF_WORD;
	if (type & PERF_HAS_CPU) {
		s->cpu = perf_load32(p);
		p += PERF_WORD;
	}
	if (type & PERF_HAS_PERIOD)
		s->period = perf_load64(p);
}

/* The sample between @at and @end, into the zeroed @s; false if it is shorter than it must be. */
static inline bool perf_take_sample(const struct perf_shape *shape, const uint8_t *at,
				    const uint8_t *end, struct perf_sample *s)
{
	uint64_t type = shape->sample_type;
	struct perf_cursor c = { at + shape->head_size, end };

	if ((size_t)(end - at) < shape->head_size)
		return false;
	perf_take_head(type, at, s);
	if (type & PERF_HAS_MIDDLE && !perf_take_middle(shape, &c, s))
		return false;
	if (!(type & PERF_HAS_TAIL))
		return true;
	return perf_take_tail(shape, &c, s);
}

#endif
