// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include "call.h"

#define ERESTARTNOINTR 513	/* linux/errno.h: the kernel makes the call again at once */

static bool is_fault(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGTRAP ||
	       signal == SIGSYS;
}

/* To where a call begins or ends, or a vfork is reported; SIGSTOP and the like pass through. */
static int go_on(struct tracee *tracee, enum tracee_stop *stop)
{
	int err;

	do {
		err = tracee_continue(tracee, true);
		if (!err)
			err = tracee_wait(tracee, stop);
		if (!err && *stop == TRACEE_GOT_SIGNAL && is_fault(tracee->signal)) {
			tracee->signal = 0;
			err = -EFAULT;
		}
	} while (!err && (*stop == TRACEE_TRAPPED || *stop == TRACEE_GOT_SIGNAL));
	return err;
}

/* Through the call that the registers ask for; a SIGSTOP on the way makes the kernel restart it. */
static int go_through(struct tracee *tracee, enum tracee_stop *stop, int64_t *ret)
{
	struct user_regs_struct regs;
	int err;

	do {
		err = go_on(tracee, stop);
		if (!err)
			err = go_on(tracee, stop);
		if (!err)
			err = tracee_get_regs(tracee, &regs);
		if (err)
			return err;
		*ret = regs.rax;
	} while (*stop == TRACEE_AT_SYSCALL && *ret == -ERESTARTNOINTR);
	return 0;
}

int call_make(struct tracee *tracee, const struct call *call, const struct gadgets *gadgets,
	      const struct user_regs_struct *own, uint64_t sp, enum call_end *end, int64_t *ret)
{
	struct user_regs_struct regs = *own;
	enum tracee_stop stop;
	int err;

	regs.rip = gadgets->syscall_ret;
	regs.rsp = sp;
	regs.rax = call->nr;
	regs.rdi = call->arg0;
	regs.rsi = call->arg1;
	regs.rdx = regs.r10 = regs.r8 = regs.r9 = 0;
	regs.orig_rax = -1;	/* it is in no call that could be restarted */
	err = tracee_set_regs(tracee, &regs);
	if (!err)
		err = go_through(tracee, &stop, ret);
	if (!err)
		*end = stop == TRACEE_HAS_VFORKED ? CALL_VFORKED : CALL_RETURNED;
	return err;
}

int call_finish(struct tracee *tracee)
{
	enum tracee_stop stop;

	return go_on(tracee, &stop);
}
