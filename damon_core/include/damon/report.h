/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access report: what every primitive says about one access it saw.
 *
 * One cache line, native byte order.  The layout is ABI between damon-core and
 * the primitives: change it only together with DAMON_REPORT_ABI.
 */
#ifndef DAMON_REPORT_H
#define DAMON_REPORT_H

#include <stdint.h>

#define DAMON_REPORT_ABI 1

/* Neither READ nor WRITE: the primitive cannot tell, which is not "read". */
#define DAMON_REPORT_WRITE	(1 << 0)
#define DAMON_REPORT_READ	(1 << 1)
#define DAMON_REPORT_HAS_VADDR	(1 << 2)
#define DAMON_REPORT_HAS_PADDR	(1 << 3)
#define DAMON_REPORT_HAS_CPU	(1 << 4)
#define DAMON_REPORT_HAS_TID	(1 << 5)
/* time_ns is when the access happened; else it is when it was learnt. */
#define DAMON_REPORT_EXACT_TIME	(1 << 6)

/**
 * struct damon_access_report - one access, as a primitive saw it
 * @paddr: physical address, valid with HAS_PADDR
 * @vaddr: virtual address in process @pid, valid with HAS_VADDR
 * @size: bytes that the report stands for, at least 1
 * @time_ns: CLOCK_MONOTONIC
 * @data_src: perf's data source word, 0 if unknown
 * @pid: process (thread group) id, 0 if unknown
 * @tid: thread id, valid with HAS_TID
 * @cpu: valid with HAS_CPU
 * @weight: accesses this report stands for (the sampling period), 1 if unknown
 * @source: index of the primitive in its context, set by the core
 * @flags: DAMON_REPORT_*
 * @reserved: 0
 */
struct damon_access_report {
	uint64_t paddr;
	uint64_t vaddr;
	uint64_t size;
	uint64_t time_ns;
	uint64_t data_src;
	int32_t pid;
	int32_t tid;
	uint32_t cpu;
	uint32_t weight;
	uint16_t source;
	uint16_t flags;
	uint32_t reserved;
};

#endif
