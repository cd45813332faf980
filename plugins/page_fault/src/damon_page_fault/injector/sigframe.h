/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way home of a thread whose registers we change: stack memory as the kernel
 * leaves it before a signal handler runs.  A thread that executes `ret` with its
 * stack pointer here calls rt_sigreturn and so goes on in its own context, with
 * its registers, vector registers and signal mask, without help from anybody.
 *
 * A second frame, for another thread, leads to exit.
 */
#ifndef SIGFRAME_H
#define SIGFRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>
#include "gadgets.h"

#define SIGFRAME_MAX_XSTATE (16 << 10)
#define SIGFRAME_MAX (SIGFRAME_MAX_XSTATE + 1024)

/* What a thread is made of, as ptrace shows it. */
struct context {
	struct user_regs_struct regs;
	uint64_t sigmask;
	size_t xstate_size;
	uint8_t xstate[SIGFRAME_MAX_XSTATE];	/* the standard format of XSAVE */
};

struct sigframe {
	uint64_t sp;		/* of the thread, to go home */
	uint64_t exit_sp;	/* of a thread that is to exit */
	size_t size;
	uint8_t bytes[SIGFRAME_MAX];
};

/* How many bytes, from an address that is a multiple of 64, hold a frame of @context. */
size_t sigframe_size(const struct context *context);

/* Make up the bytes that are to lie at @addr, a multiple of 64. */
void sigframe_build(struct sigframe *frame, const struct context *context,
		    const struct gadgets *gadgets, uint64_t addr);

#endif
