/* SPDX-License-Identifier: Apache-2.0 */
/* A system call that a stopped thread is made to make. */
#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>
#include "gadgets.h"
#include "tracee.h"

struct call {
	uint64_t nr;
	uint64_t arg0;
	uint64_t arg1;
};

enum call_end {
	CALL_RETURNED,
	CALL_VFORKED,	/* it has a child now, and still is in the call */
};

/**
 * call_make() - from wherever @tracee is
 * @own: its registers; those that a call does not need stay
 * @sp: where `ret` finds how to go on, after the call and should we die
 * @ret: the result, or a negative errno of the thread's own
 *
 * The thread then is stopped, unless it has ended or the time is over.
 * Return: 0 or a negative errno.
 */
int call_make(struct tracee *tracee, const struct call *call, const struct gadgets *gadgets,
	      const struct user_regs_struct *own, uint64_t sp, enum call_end *end, int64_t *ret);

/* Let the thread go on from CALL_VFORKED until the call returns, when the child has exited. */
int call_finish(struct tracee *tracee);

#endif
