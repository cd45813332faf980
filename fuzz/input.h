/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the harnesses make of the fuzzer's bytes.
 *
 * Bytes are always copied to memory of their exact size first: one byte read behind
 * them, or one report written behind its room, is then seen by AddressSanitizer.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "perf_record.h"

#define MAX_PIDS 4

/* Ends the run: this input shows a fault, @fact says what does not hold. */
#define must(fact) \
	do { \
		if (!(fact)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #fact); \
			abort(); \
		} \
	} while (0)

struct input {
	const uint8_t *at, *end;
};

/* The next @size bytes into @to; zeros once there are no more. */
static inline void take(struct input *in, void *to, size_t size)
{
	size_t left = in->end - in->at, n = size < left ? size : left;

	memset(to, 0, size);
	if (n)
		memcpy(to, in->at, n);
	in->at += n;
}

/* The rest of the input in memory of its own. */
static inline uint8_t *take_rest(struct input *in, size_t *len)
{
	uint8_t *bytes;

	*len = in->end - in->at;
	bytes = malloc(*len ? *len : 1);
	must(bytes);
	take(in, bytes, *len);
	return bytes;
}

/*
 * How the records of an input are decoded, as fuzz/seeds.py writes it: DECODING_HEAD
 * there.
 */
struct decoding_head {
	uint64_t sample_type, read_format, branch_sample_type, regs_user, regs_intr;
	uint64_t user_end, write_mask;
	uint32_t raw_addr, raw_write, weight;
	uint8_t direction, align_shift, flags, needs, choices, nr_pids, room, spare;
	int32_t pids[MAX_PIDS];
	uint32_t unused;
};
_Static_assert(sizeof(struct decoding_head) == 96, "as fuzz/seeds.py packs it");

enum {
	CHOICE_EXACT_TIME = 1,
	CHOICE_PREFETCHES = 2,
};

/* @pids keeps what the decoding points to. */
static inline struct damon_perf_decoding take_decoding(struct input *in, int32_t *pids,
						       size_t *room)
{
	struct decoding_head h;

	take(in, &h, sizeof(h));
	memcpy(pids, h.pids, sizeof(h.pids));
	for (size_t i = 1; i < MAX_PIDS; i++)	/* what is listed ascends */
		if (pids[i] < pids[i - 1])
			pids[i] = pids[i - 1];
	*room = h.room;
	return (struct damon_perf_decoding){
		.sample_type = h.sample_type,
		.read_format = h.read_format,
		.branch_sample_type = h.branch_sample_type,
		.regs_user = h.regs_user,
		.regs_intr = h.regs_intr,
		.user_end = h.user_end,
		.align = h.align_shift % 65 ? 1ULL << (h.align_shift % 65 - 1) : 0,
		.write_mask = h.write_mask,
		.pids = pids,
		.nr_pids = h.nr_pids % (MAX_PIDS + 1),
		.raw_addr = h.raw_addr,
		.raw_write = h.raw_write,
		.direction = h.direction,
		.weight = h.weight,
		.flags = h.flags,
		.needs = h.needs,
		.exact_time = h.choices & CHOICE_EXACT_TIME,
		.keep_prefetches = h.choices & CHOICE_PREFETCHES,
	};
}

static inline struct damon_access_report *room_for(size_t nr)
{
	struct damon_access_report *reports = malloc(nr ? nr * sizeof(*reports) : 1);

	must(reports);
	return reports;
}

/* Every sample became exactly one thing. */
static inline void must_add_up(const struct damon_perf_counts *c)
{
	must(c->samples == c->reports + c->other_process + c->kernel + c->no_address +
			   c->no_access + c->prefetches + c->malformed);
}

/* No report says what it may not say, whatever its sample said. */
static inline void must_be_sound(const struct damon_perf_decoding *d,
				 const struct damon_access_report *r, size_t nr)
{
	for (size_t i = 0; i < nr; i++, r++) {
		/* IBS tells how wide an access was. */
		must(d->direction == DAMON_PERF_IBS ? r->size >= 1 :
						      r->size == (d->align ? d->align : 1));
		must(r->weight >= 1);
		must(r->flags & (d->needs ? d->needs : DAMON_REPORT_HAS_VADDR |
						       DAMON_REPORT_HAS_PADDR));
		must(!d->user_end || r->vaddr < d->user_end);
		must(!d->align || !((r->vaddr | r->paddr) % d->align));
		must(!r->reserved && !r->source);
	}
}

#endif
