/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread under ptrace.  The caller must have SIGCHLD blocked, and not ignored:
 * it is what ends a wait before its deadline.
 *
 * All functions give 0 or a negative errno: -ESRCH when the thread has ended,
 * -ETIMEDOUT when it did not stop in time.
 */
#ifndef TRACEE_H
#define TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>
#include "sigframe.h"

enum tracee_stop {
	TRACEE_AT_SYSCALL,	/* begins or ends one */
	TRACEE_HAS_VFORKED,
	TRACEE_TRAPPED,		/* interrupted, just born, or stopped by a signal like SIGSTOP */
	TRACEE_GOT_SIGNAL,
};

struct tracee {
	pid_t tid;
	uint64_t deadline_ns;	/* CLOCK_MONOTONIC, of the waits */
	bool stopped;
	int signal;		/* of TRACEE_GOT_SIGNAL: to be passed on when it continues */
};

/* Begin; nothing changes for the thread until it is interrupted. */
int tracee_seize(struct tracee *tracee, pid_t tid);
int tracee_interrupt(struct tracee *tracee);
/* Stop for system calls and vfork from now on. */
int tracee_set_options(struct tracee *tracee);

/* Let it go on, until the end or start of a system call if @to_syscall. */
int tracee_continue(struct tracee *tracee, bool to_syscall);
/* The next stop, of whatever kind. */
int tracee_wait(struct tracee *tracee, enum tracee_stop *ret);
int tracee_detach(struct tracee *tracee);

/* Of a stopped thread. */
int tracee_get_context(const struct tracee *tracee, struct context *context);
int tracee_get_regs(const struct tracee *tracee, struct user_regs_struct *regs);
int tracee_set_regs(const struct tracee *tracee, const struct user_regs_struct *regs);
int tracee_set_sigmask(const struct tracee *tracee, uint64_t sigmask);
int tracee_get_message(const struct tracee *tracee, unsigned long *ret);

uint64_t tracee_now_ns(void);

#endif
