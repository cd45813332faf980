/* SPDX-License-Identifier: Apache-2.0 */
/* perf_event_open(2), which the C library does not have. */
#ifndef DAMON_PERF_EVENT_H
#define DAMON_PERF_EVENT_H

/* @attr: a struct perf_event_attr that says its own size.  A file descriptor or a negative errno. */
int damon_perf_event_open(const void *attr, int pid, int cpu, int group_fd, unsigned long flags);

#endif
