/* SPDX-License-Identifier: Apache-2.0 */
/* What a stop does to the system call that a thread is in. */
#ifndef INTERRUPTION_H
#define INTERRUPTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

enum interruption {
	INTERRUPTION_NONE,		/* it runs its own code */
	INTERRUPTION_RESTARTED,		/* by the kernel: the program does not notice */
	INTERRUPTION_REPEATED,		/* by us, as nothing but we made it end: the same,
					   but a timeout begins anew */
	INTERRUPTION_SEEN,		/* the call fails with EINTR */
};

/**
 * interruption_of() - of a thread that was stopped, by its registers
 * @signal_pending: it is about to get a signal anyway
 */
enum interruption interruption_of(const struct user_regs_struct *regs, bool signal_pending);

/* Change the registers so that the interrupted call is made once more. */
void interruption_repeat(struct user_regs_struct *regs);

#endif
