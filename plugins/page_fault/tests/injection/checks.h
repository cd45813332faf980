/* SPDX-License-Identifier: Apache-2.0 */
/* What a victim checks of itself; every error is counted. */
#ifndef CHECKS_H
#define CHECKS_H

#include <stdint.h>

struct counters {
	_Atomic uint64_t ready;
	_Atomic uint64_t rounds;
	_Atomic uint64_t errors;
	_Atomic uint64_t eintr;
	_Atomic uint64_t signals;
	_Atomic uint64_t running;	/* threads that were started */
	_Atomic uint32_t never;		/* a futex that nobody wakes */
};

/* In a file that the test has mapped as well. */
extern struct counters *counters;

void expect(int holds);
/* A system call must have succeeded, or have timed out; EINTR is counted by itself. */
void expect_call(long ret);

/* All general and vector registers hold known values while nothing is done for a while. */
void hold_registers(void);
void compute(void);

/* For ever, as a thread; a pass is a round. */
void *check_memory(void *unused);

void set_alternate_stack(void);
void check_alternate_stack(void);

#endif
