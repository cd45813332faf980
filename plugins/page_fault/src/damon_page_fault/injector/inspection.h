/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a stopped thread may, and can, make calls for us and return from them. */
#ifndef INSPECTION_H
#define INSPECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "call.h"
#include "gadgets.h"

struct inspection {
	int seccomp;		/* its mode */
	bool signal_pending;	/* one will be handled as soon as it goes on */
};

/**
 * inspection_make() - look at what does not need its registers
 * @pidfd: the process that it must be of
 *
 * Return: 0; -ESRCH it is of another process; -EOPNOTSUPP it has a shadow stack or
 * dispatches system calls by itself; -EAGAIN it has exec'ed; or another negative errno.
 */
int inspection_make(struct inspection *inspection, pid_t pid, pid_t tid, int pidfd,
		    const struct gadgets *gadgets);

/* Do its seccomp filters allow all of @calls?  As seccomp_filter_ask(). */
int inspection_ask_seccomp(const struct inspection *inspection, pid_t tid,
			   const struct gadgets *gadgets, const struct call *calls, size_t nr);

#endif
