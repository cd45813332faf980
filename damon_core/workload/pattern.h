/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern: part of an area, touched in order or at random, and the record of it.
 *
 * In order, a record says how often the whole part was passed through (and how long
 * the slowest pass took), or which stretch of one pass was done.  At random, it says
 * which draws were made.  A record is closed when the quantum is over, or when
 * another pattern is to have its turn.
 */
#ifndef TOUCHER_PATTERN_H
#define TOUCHER_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "truthlog.h"

struct pattern {
	const struct area *area;
	size_t offset, length;	/* bytes from the start of the area */
	size_t stride;
	bool random;
	enum touch_mode mode;
	unsigned int weight;	/* share of the turns, relative to the phase's others */
	uint64_t nr_touches;	/* touches in one turn */
	uint64_t pause_ns;	/* rest after each pass, or each turn at random */

	/* progress */
	bool open;		/* a record is being made */
	size_t at;		/* next byte of the part to touch */
	size_t record_start;	/* first byte of the open record, 0 with whole passes */
	uint64_t t0;		/* start of the open record */
	uint64_t pass_end;	/* end of the last whole pass, t0 before the first */
	uint64_t nr_passes, pass_ns;
	uint64_t seed, first, nr_draws, nr_drawn_pages;
	uint64_t *drawn;	/* bitmap of pages */
	size_t page_size;
};

/* Where a record goes. */
struct pattern_sink {
	struct truthlog *log;
	pid_t tid;
	uint64_t quantum_ns;
};

/* Checks that the part is inside the area; -EINVAL, -ENOMEM. */
int pattern_init(struct pattern *pattern, uint64_t seed);
void pattern_deinit(struct pattern *pattern);
/*
 * Touch up to nr places, until deadline at the latest; *done is how many.
 * True: a pass ended, and the pattern wants its rest.
 */
bool pattern_touch(struct pattern *pattern, const struct pattern_sink *sink, uint64_t nr,
		   uint64_t deadline, uint64_t *done);
/* Close the open record. */
void pattern_flush(struct pattern *pattern, const struct pattern_sink *sink);
/* Touch nr places from first on. */
void pattern_touch_run(volatile char *first, size_t nr, size_t stride, enum touch_mode mode);

#endif
