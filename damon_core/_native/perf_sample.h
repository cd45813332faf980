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
 * @head_size: bytes of the fields before those of variable length
 * @tail_size: bytes of the fields behind them, without those of REGS_INTR
 */
struct perf_shape {
	uint64_t sample_type;
	uint64_t read_format;
	uint64_t branch_sample_type;
	uint64_t regs_user;
	uint64_t regs_intr;
	size_t head_size;
	size_t tail_size;
};

/* What a sample has of what is of use here; what it has not stays 0. */
struct perf_sample {
	uint64_t time, addr, phys, period, data_src;
	uint64_t size;			/* of the access, in bytes; as few samples tell it */
	uint32_t pid, tid, cpu;
	uint32_t raw_size;
	const uint8_t *raw;
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

static inline size_t perf_size_of(uint64_t fields)
{
	return __builtin_popcountll(fields) * PERF_WORD;
}

/* WEIGHT and WEIGHT_STRUCT exclude each other, whatever a file says. */
static inline size_t perf_tail_size(uint64_t type)
{
	return perf_size_of(type & PERF_HAS_TAIL & ~(PERF_HAS_REGS_INTR | PERF_HAS_WEIGHT_STRUCT) &
			    ~(type & PERF_HAS_WEIGHT_STRUCT ? PERF_HAS_WEIGHT : 0)) +
	       (type & PERF_HAS_WEIGHT_STRUCT ? PERF_WORD : 0);
}

/*
 * Where the fields end that begin at @at; NULL if that is behind @end.  All are
 * rare or long: the loop over the samples stays small without them.
 */
const uint8_t *perf_skip_middle(const struct perf_shape *shape, const uint8_t *at,
				const uint8_t *end, const uint8_t **raw);
const uint8_t *perf_skip_regs(uint64_t mask, const uint8_t *at, const uint8_t *end);

/* Raw data begins with its size, and ends where the next word begins. */
static inline const uint8_t *perf_skip_raw(const uint8_t *at, const uint8_t *end)
{
	uint64_t size;

	if ((size_t)(end - at) < sizeof(uint32_t))
		return NULL;
	size = (sizeof(uint32_t) + (uint64_t)perf_load32(at) + PERF_WORD - 1) & ~(PERF_WORD - 1);
	return size <= (size_t)(end - at) ? at + size : NULL;
}

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

static inline bool perf_take_tail(const struct perf_shape *shape, const uint8_t *p,
				  const uint8_t *end, struct perf_sample *s)
{
	uint64_t type = shape->sample_type;

	if ((size_t)(end - p) < shape->tail_size)
		return false;
	if (type & (PERF_HAS_WEIGHT | PERF_HAS_WEIGHT_STRUCT))
		p += PERF_WORD;
	if (type & PERF_HAS_DATA_SRC) {
		s->data_src = perf_load64(p);
		p += PERF_WORD;
	}
	if (type & PERF_HAS_TRANSACTION)
		p += PERF_WORD;
	if (type & PERF_HAS_REGS_INTR) {
		p = perf_skip_regs(shape->regs_intr, p, end);
		if (!p || (type & PERF_HAS_PHYS_ADDR && (size_t)(end - p) < PERF_WORD))
			return false;
	}
	if (type & PERF_HAS_PHYS_ADDR)
		s->phys = perf_load64(p);
	return true;
}

/* The sample between @at and @end, into the zeroed @s; false if it is shorter than it must be. */
static inline bool perf_take_sample(const struct perf_shape *shape, const uint8_t *at,
				    const uint8_t *end, struct perf_sample *s)
{
	uint64_t middle = shape->sample_type & PERF_HAS_MIDDLE;
	const uint8_t *raw = NULL;

	if ((size_t)(end - at) < shape->head_size)
		return false;
	perf_take_head(shape->sample_type, at, s);
	at += shape->head_size;
	if (middle == PERF_HAS_RAW) {
		raw = at;
		at = perf_skip_raw(at, end);
	} else if (middle) {
		const uint8_t *found = NULL;

		at = perf_skip_middle(shape, at, end, &found);
		raw = found;
	}
	if (!at)
		return false;
	if (raw) {
		s->raw_size = perf_load32(raw);
		s->raw = raw + sizeof(uint32_t);
	}
	return perf_take_tail(shape, at, end, s);
}

#endif
