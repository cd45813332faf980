/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a write to a protected page costs who writes it, measured on memory of our own.
 */
#ifndef FAULT_COST_H
#define FAULT_COST_H

#include <stdint.h>

/*
 * Nanoseconds of CPU time, the best of some rounds, which take half a millisecond;
 * or a negative errno.
 */
int64_t fault_cost_ns(uint64_t page_size);

#endif
