/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that every program has somewhere, for a thread to run when its
 * registers are set from outside: nothing is ever written to its code.
 */
#ifndef GADGETS_H
#define GADGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "mappings.h"

struct gadgets {
	uint64_t syscall_ret;	/* syscall; ret */
	uint64_t sigreturn;	/* mov $15,%rax; syscall, as behind every signal handler; or 0 */
	uint64_t pop_rax_ret;	/* pop %rax; ret, which does instead of it; or 0 */
};

/* The `ret` of syscall_ret. */
static inline uint64_t gadgets_ret(const struct gadgets *gadgets)
{
	return gadgets->syscall_ret + 2;
}

#define GADGETS_MAX_WORDS 3

/* What `ret` must find right below a frame on the stack to call rt_sigreturn on it; how many. */
size_t gadgets_way_home(const struct gadgets *gadgets, uint64_t *words);

/* Search the executable mappings of thread @tid, up to a bound.  0, -ENOENT, -EPERM, ... */
int gadgets_find(struct gadgets *gadgets, pid_t tid, const struct mappings *maps);

/* Are they still there?  Not after an exec, for example. */
bool gadgets_intact(const struct gadgets *gadgets, pid_t tid);

#endif
