/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground-truth log: one JSON object a line, each written by one write(), so
 * that a killed toucher leaves whole lines.  docs/reference/workload.md has the format.
 */
#ifndef TOUCHER_TRUTHLOG_H
#define TOUCHER_TRUTHLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "area.h"

enum touch_mode { TOUCH_READ, TOUCH_WRITE, TOUCH_BOTH };

struct truthlog {
	int fd;			/* -1: nothing is kept */
	atomic_int error;	/* first errno of a write that failed */
};

/* What was touched from t0 to t1: start, start + stride, ... below end, nr times. */
struct touch_record {
	uint64_t t0, t1;
	pid_t tid;
	const char *start, *end;
	size_t stride;
	enum touch_mode mode;
	uint64_t nr;
	uint64_t pass_ns;	/* the longest of the nr passes */
};

uint64_t truthlog_now(void);
const char *touch_mode_name(enum touch_mode mode);

/* path NULL: keep nothing. */
int truthlog_open(struct truthlog *log, const char *path);
void truthlog_header(struct truthlog *log, uint64_t quantum_ns);
void truthlog_area(struct truthlog *log, const struct area *area);
/* Every mapping that is no area: touched by the program's own doing. */
void truthlog_others(struct truthlog *log, const struct area *areas, size_t nr_areas);
/* Memory that an area has gained, or lost, at this time. */
void truthlog_resized(struct truthlog *log, bool gained, const char *start, const char *end,
		      uint64_t now);
void truthlog_phase(struct truthlog *log, pid_t tid, const char *name, uint64_t now);
void truthlog_touch(struct truthlog *log, const struct touch_record *record);
/* As truthlog_touch(), of the pages that a seed chooses: see mix_in_subset(). */
void truthlog_subset(struct truthlog *log, const struct touch_record *record, uint64_t seed,
		     unsigned int permille);
/* record->nr draws of a page from position first on: see mix_below(); nr_pages distinct ones. */
void truthlog_random(struct truthlog *log, const struct touch_record *record, uint64_t seed,
		     uint64_t first, uint64_t nr_pages);
void truthlog_thread_end(struct truthlog *log, pid_t tid, uint64_t now);
void truthlog_end(struct truthlog *log);

#endif
