// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include "interruption.h"

#define SYSCALL_SIZE 2		/* bytes of the instruction */

/* linux/errno.h; they never reach user space, only a tracer. */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

/* Calls that end with EINTR on every stop, and have then done nothing. */
static bool can_be_repeated(int64_t call)
{
	switch (call) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case 441:	/* epoll_pwait2, which older headers lack */
	case SYS_rt_sigtimedwait:
	case SYS_semop:
	case SYS_semtimedop:
		return true;
	}
	return false;
}

enum interruption interruption_of(const struct user_regs_struct *regs, bool signal_pending)
{
	int64_t call = regs->orig_rax;

	if (call < 0)
		return INTERRUPTION_NONE;
	switch (-(int64_t)regs->rax) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		return INTERRUPTION_RESTARTED;
	case EINTR:
		if (signal_pending || !can_be_repeated(call))
			return INTERRUPTION_SEEN;
		return INTERRUPTION_REPEATED;
	}
	return INTERRUPTION_NONE;	/* it had ended by itself */
}

void interruption_repeat(struct user_regs_struct *regs)
{
	regs->rax = regs->orig_rax;
	regs->rip -= SYSCALL_SIZE;
	regs->orig_rax = -1;
}
