/* SPDX-License-Identifier: Apache-2.0 */
/* Some of /proc/TID/status. */
#ifndef THREAD_STATUS_H
#define THREAD_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct thread_status {
	pid_t tgid;
	int seccomp;		/* 0 none, 1 strict, 2 filters */
	bool signal_pending;	/* one that is not blocked, for it or its whole process */
	bool shadow_stack;
};

/* 0 or a negative errno. */
int thread_status_read(struct thread_status *status, pid_t tid);

#endif
