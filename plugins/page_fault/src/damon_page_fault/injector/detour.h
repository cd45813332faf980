/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of another process, taken out of its own context for a moment to make
 * system calls for us.  From when its registers change it comes back by itself
 * should we die (see sigframe.h).  Meanwhile all signals are blocked for it.
 */
#ifndef DETOUR_H
#define DETOUR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "call.h"
#include "gadgets.h"
#include "interruption.h"
#include "mappings.h"
#include "sigframe.h"
#include "stage.h"
#include "tracee.h"

struct detour {
	enum stage stage;
	pid_t pid;
	struct tracee thread;
	struct mappings maps;
	struct gadgets gadgets;
	struct context own;
	int64_t call;			/* that was interrupted, -1 for none */
	enum interruption interruption;
	struct sigframe frame;
	uint64_t frame_addr;
	uint8_t before[SIGFRAME_MAX];	/* what lay there */
	bool wrote;
	bool away;
	bool stack_in_use;		/* by a call of ours, that may have broken off */
	uint64_t interrupted_ns;
};

struct detour *detour_create(void);
void detour_destroy(struct detour *detour);

/**
 * detour_begin() - stop the thread @tid of @pid, and take it out of its context
 * @pidfd: of that process
 * @calls: those that it is going to make
 *
 * To be ended by detour_end(), also after an error.
 *
 * Return: 0, or a negative errno that says with detour->stage what is wrong: -ENOENT no
 * instructions to use, -EPERM may not be traced, -ETIMEDOUT does not stop, -ENOEXEC is 32-bit,
 * -EOPNOTSUPP could not come back, -EACCES seccomp forbids the calls, -EPERM or may not be asked,
 * -ENOSPC no room on its stack, -ESRCH has ended, -EAGAIN was at a bad place, or has exec'ed.
 */
int detour_begin(struct detour *detour, pid_t pid, pid_t tid, int pidfd, const struct call *calls,
		 size_t nr_calls);

/* Put the thread back, and let it go.  0 or a negative errno. */
int detour_end(struct detour *detour);

#endif
