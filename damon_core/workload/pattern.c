// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mix.h"
#include "pattern.h"

#define CLOCK_TOUCHES 256	/* touches between two looks at the clock */

static uint64_t nr_pages_of(const struct pattern *p)
{
	return (p->length + p->page_size - 1) / p->page_size;
}

static size_t nr_words_of(const struct pattern *p)
{
	return (nr_pages_of(p) + 63) / 64;
}

int pattern_init(struct pattern *p, uint64_t seed)
{
	p->page_size = sysconf(_SC_PAGESIZE);
	if (!p->length || p->offset > p->area->size || p->length > p->area->size - p->offset)
		return -EINVAL;
	if (!p->random)
		return p->stride ? 0 : -EINVAL;
	p->seed = seed;
	if (nr_pages_of(p) > UINT32_MAX)
		return -EINVAL;
	p->drawn = calloc(nr_words_of(p), sizeof(*p->drawn));
	return p->drawn ? 0 : -ENOMEM;
}

void pattern_deinit(struct pattern *p)
{
	free(p->drawn);
}

void pattern_touch_run(volatile char *at, size_t nr, size_t stride, enum touch_mode mode)
{
	switch (mode) {
	case TOUCH_READ:
		for (; nr; nr--, at += stride)
			(void)*at;
		break;
	case TOUCH_WRITE:
		for (; nr; nr--, at += stride)
			*at = 1;
		break;
	case TOUCH_BOTH:
		for (; nr; nr--, at += stride)
			*at = *at + 1;
		break;
	}
}

static volatile char *part_start(const struct pattern *p)
{
	return p->area->base + p->offset;
}

static struct touch_record new_record(const struct pattern *p, const struct pattern_sink *sink)
{
	const char *start = p->area->base + p->offset;

	return (struct touch_record){
		.t0 = p->t0, .tid = sink->tid, .start = start, .end = start + p->length,
		.stride = p->stride, .mode = p->mode,
	};
}

static void open_record(struct pattern *p, uint64_t now)
{
	p->open = true;
	p->t0 = p->pass_end = now;
	p->record_start = p->at;
	p->nr_passes = p->pass_ns = 0;
}

/* Whole passes up to the last pass's end; what was touched since stays in the record. */
static void log_passes(struct pattern *p, const struct pattern_sink *sink)
{
	struct touch_record record = new_record(p, sink);

	record.t1 = p->pass_end;
	record.nr = p->nr_passes;
	record.pass_ns = p->pass_ns;
	truthlog_touch(sink->log, &record);
	p->t0 = p->pass_end;
	p->nr_passes = p->pass_ns = 0;
}

/* The stretch of a single pass that the open record has. */
static void log_stretch(struct pattern *p, const struct pattern_sink *sink, uint64_t now)
{
	struct touch_record record = new_record(p, sink);

	record.t1 = now;
	record.nr = 1;
	record.pass_ns = now - p->t0;
	record.start += p->record_start;
	if (p->at < p->length)
		record.end = (const char *)part_start(p) + p->at;
	truthlog_touch(sink->log, &record);
	p->t0 = p->pass_end = now;
	p->record_start = p->at;
}

static void end_pass(struct pattern *p, const struct pattern_sink *sink, uint64_t now)
{
	p->at = p->length;
	if (p->record_start) {
		log_stretch(p, sink, now);
	} else {
		if (now - p->pass_end > p->pass_ns)
			p->pass_ns = now - p->pass_end;
		p->pass_end = now;
		p->nr_passes++;
	}
	p->at = p->record_start = 0;
}

static void end_quantum(struct pattern *p, const struct pattern_sink *sink, uint64_t now)
{
	if (p->nr_passes)
		log_passes(p, sink);
	else if (p->at > p->record_start)
		log_stretch(p, sink, now);
}

static bool touch_in_order(struct pattern *p, const struct pattern_sink *sink, uint64_t nr,
			   uint64_t deadline, uint64_t *done)
{
	uint64_t now = truthlog_now();

	if (!p->open)
		open_record(p, now);
	for (*done = 0; *done < nr && now < deadline;) {
		size_t left = (p->length - p->at + p->stride - 1) / p->stride;
		size_t step = left < CLOCK_TOUCHES ? left : CLOCK_TOUCHES;

		pattern_touch_run(part_start(p) + p->at, step, p->stride, p->mode);
		p->at += step * p->stride;
		*done += step;
		now = truthlog_now();
		if (step == left)
			end_pass(p, sink, now);
		if (now - p->t0 >= sink->quantum_ns)
			end_quantum(p, sink, now);
		if (step == left && p->pause_ns)
			return true;
	}
	return false;
}

static void log_draws(struct pattern *p, const struct pattern_sink *sink, uint64_t now)
{
	struct touch_record record = new_record(p, sink);

	record.t1 = now;
	record.nr = p->nr_draws;
	truthlog_random(sink->log, &record, p->seed, p->first, p->nr_drawn_pages);
	p->first += p->nr_draws;
	p->nr_draws = p->nr_drawn_pages = 0;
	memset(p->drawn, 0, nr_words_of(p) * sizeof(*p->drawn));
	p->t0 = now;
}

static void touch_drawn_page(struct pattern *p, uint64_t nr_pages)
{
	uint64_t at = p->seed + p->first + p->nr_draws++;
	uint64_t page = mix_below(at, nr_pages);
	uint64_t bit = 1ull << (page % 64);
	size_t byte = page * p->page_size + (mix64(at) & 63) * 64;

	if (!(p->drawn[page / 64] & bit)) {
		p->drawn[page / 64] |= bit;
		p->nr_drawn_pages++;
	}
	if (byte >= p->length)
		byte = p->length - 1;
	pattern_touch_run(part_start(p) + byte, 1, 1, p->mode);
}

static bool touch_at_random(struct pattern *p, const struct pattern_sink *sink, uint64_t nr,
			    uint64_t deadline, uint64_t *done)
{
	uint64_t nr_pages = nr_pages_of(p);
	uint64_t now = truthlog_now();

	if (!p->open)
		open_record(p, now);
	for (*done = 0; *done < nr && now < deadline; *done += CLOCK_TOUCHES) {
		for (int i = 0; i < CLOCK_TOUCHES; i++)
			touch_drawn_page(p, nr_pages);
		now = truthlog_now();
		if (now - p->t0 >= sink->quantum_ns)
			log_draws(p, sink, now);
	}
	return p->pause_ns;
}

bool pattern_touch(struct pattern *p, const struct pattern_sink *sink, uint64_t nr,
		   uint64_t deadline, uint64_t *done)
{
	if (p->random)
		return touch_at_random(p, sink, nr, deadline, done);
	return touch_in_order(p, sink, nr, deadline, done);
}

void pattern_flush(struct pattern *p, const struct pattern_sink *sink)
{
	uint64_t now = truthlog_now();

	if (!p->open)
		return;
	if (p->random && p->nr_draws)
		log_draws(p, sink, now);
	if (!p->random && p->nr_passes)
		log_passes(p, sink);
	if (!p->random && p->at > p->record_start)
		log_stretch(p, sink, now);
	p->open = false;
}
