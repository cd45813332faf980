// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "tracee.h"

#define NS_PER_S 1000000000ULL
#define SYSCALL_SIGNAL (SIGTRAP | 0x80)	/* by PTRACE_O_TRACESYSGOOD */

uint64_t tracee_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int negative_errno(long ret)
{
	return ret < 0 ? -errno : 0;
}

int tracee_seize(struct tracee *tracee, pid_t tid)
{
	tracee->tid = tid;
	tracee->stopped = false;
	tracee->signal = 0;
	return negative_errno(ptrace(PTRACE_SEIZE, tid, 0, 0));
}

int tracee_interrupt(struct tracee *tracee)
{
	return negative_errno(ptrace(PTRACE_INTERRUPT, tracee->tid, 0, 0));
}

int tracee_set_options(struct tracee *tracee)
{
	return negative_errno(ptrace(PTRACE_SETOPTIONS, tracee->tid, 0,
				     PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEVFORK));
}

int tracee_continue(struct tracee *tracee, bool to_syscall)
{
	long signal = tracee->signal;

	if (ptrace(to_syscall ? PTRACE_SYSCALL : PTRACE_CONT, tracee->tid, 0, signal) < 0)
		return -errno;
	tracee->signal = 0;
	tracee->stopped = false;
	return 0;
}

/* Sleep until some tracee may have changed. */
static int wait_for_sigchld(uint64_t deadline_ns)
{
	uint64_t now = tracee_now_ns();
	struct timespec left;
	sigset_t sigchld;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	left.tv_sec = (deadline_ns - now) / NS_PER_S;
	left.tv_nsec = (deadline_ns - now) % NS_PER_S;
	sigemptyset(&sigchld);
	sigaddset(&sigchld, SIGCHLD);
	sigtimedwait(&sigchld, NULL, &left);
	return 0;
}

/*
 * A dead thread that is traced keeps its process from ending, and from telling so,
 * until its tracer has taken note of it.
 */
static int take_note_of_dead(pid_t tid)
{
	for (;;) {
		siginfo_t info = { 0 };
		int status;

		/* Stops are reported as well, and must not be taken here. */
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) || !info.si_pid ||
		    info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED)
			return 0;
		waitpid(info.si_pid, &status, __WALL | WNOHANG);
		if (info.si_pid == tid)
			return -ESRCH;
	}
}

static int wait_status(struct tracee *tracee, int *status)
{
	for (;;) {
		pid_t got = waitpid(tracee->tid, status, __WALL | WNOHANG);
		int err;

		if (got > 0)
			return 0;
		if (got < 0)	/* another thread's exec may have taken the id over */
			return errno == ECHILD ? -ESRCH : -errno;
		err = take_note_of_dead(tracee->tid);
		if (!err)
			err = wait_for_sigchld(tracee->deadline_ns);
		if (err)
			return err;
	}
}

int tracee_wait(struct tracee *tracee, enum tracee_stop *ret)
{
	int status, event, err = wait_status(tracee, &status);

	if (err)
		return err;
	if (!WIFSTOPPED(status))
		return -ESRCH;
	tracee->stopped = true;
	event = status >> 16;
	if (event == PTRACE_EVENT_STOP) {
		*ret = TRACEE_TRAPPED;
	} else if (event == PTRACE_EVENT_VFORK) {
		*ret = TRACEE_HAS_VFORKED;
	} else if (WSTOPSIG(status) == SYSCALL_SIGNAL) {
		*ret = TRACEE_AT_SYSCALL;
	} else {
		*ret = TRACEE_GOT_SIGNAL;
		tracee->signal = WSTOPSIG(status);
	}
	return 0;
}

int tracee_detach(struct tracee *tracee)
{
	long signal = tracee->signal;

	tracee->signal = 0;
	tracee->stopped = false;
	return negative_errno(ptrace(PTRACE_DETACH, tracee->tid, 0, signal));
}

int tracee_get_regs(const struct tracee *tracee, struct user_regs_struct *regs)
{
	struct iovec iovec = { regs, sizeof(*regs) };

	if (ptrace(PTRACE_GETREGSET, tracee->tid, NT_PRSTATUS, &iovec) < 0)
		return -errno;
	/* Of a 32-bit program they are fewer, and it may run 64-bit code for a while. */
	return iovec.iov_len == sizeof(*regs) ? 0 : -ENOEXEC;
}

int tracee_get_context(const struct tracee *tracee, struct context *context)
{
	struct iovec iovec = { context->xstate, sizeof(context->xstate) };
	int err = tracee_get_regs(tracee, &context->regs);

	if (err)
		return err;
	if (ptrace(PTRACE_GETREGSET, tracee->tid, NT_X86_XSTATE, &iovec) < 0)
		return -errno;
	context->xstate_size = iovec.iov_len;
	if (context->xstate_size == sizeof(context->xstate))
		return -E2BIG;	/* and may have been cut off */
	return negative_errno(ptrace(PTRACE_GETSIGMASK, tracee->tid, sizeof(context->sigmask),
				     &context->sigmask));
}

int tracee_set_regs(const struct tracee *tracee, const struct user_regs_struct *regs)
{
	struct iovec iovec = { (void *)(uintptr_t)regs, sizeof(*regs) };

	return negative_errno(ptrace(PTRACE_SETREGSET, tracee->tid, NT_PRSTATUS, &iovec));
}

int tracee_set_sigmask(const struct tracee *tracee, uint64_t sigmask)
{
	return negative_errno(ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(sigmask), &sigmask));
}

int tracee_get_message(const struct tracee *tracee, unsigned long *ret)
{
	return negative_errno(ptrace(PTRACE_GETEVENTMSG, tracee->tid, 0, ret));
}
