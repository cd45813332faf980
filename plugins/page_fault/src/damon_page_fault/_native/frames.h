/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The physical addresses of what processes accessed, from /proc/PID/pagemap as it
 * is now: a page that has moved or gone since is found where it is, or not at all.
 */
#ifndef PAGE_FAULT_FRAMES_H
#define PAGE_FAULT_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <damon/report.h>

struct frames;

/* NULL: no memory. */
struct frames *frames_create(uint64_t page_size);
void frames_destroy(struct frames *frames);

/* Add its physical address to each report, and leave out those that have none; how many are left. */
size_t frames_find(struct frames *frames, struct damon_access_report *reports, size_t nr);

#endif
