/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for an absolute deadline that another thread may cut short. */
#ifndef DAMON_WAIT_H
#define DAMON_WAIT_H

#include <stdint.h>

/*
 * Wait until CLOCK_MONOTONIC reaches @deadline_ns, or @wake_fd (an eventfd)
 * becomes readable.  0: the deadline has come; 1: woken, the eventfd is reset;
 * 2: a signal came, wait again once its handler has run; negative errno otherwise.
 */
int damon_wait_until(int wake_fd, uint64_t deadline_ns);

#endif
