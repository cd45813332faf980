/* SPDX-License-Identifier: Apache-2.0 */
/* A userfaultfd of another process, made by one of its threads and taken over from it. */
#ifndef INJECT_H
#define INJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "interruption.h"
#include "stage.h"

struct injection {
	enum stage stage;	/* where it went wrong */
	int64_t call;		/* that the thread was in, -1 for none */
	enum interruption interruption;
	int64_t stop_ns;	/* the thread was stopped for at most so long */
	int uffd;		/* in this process */
};

/**
 * inject_userfaultfd() - create it for the memory of @pid
 * @tid: the thread that is to be stopped
 * @pidfd: of @pid
 * @own_files: do it in a new thread with file descriptors of its own, so that the
 *	process never has the userfaultfd; needs pidfds of threads (Linux 6.9).  Else the process
 *	has it between two system calls, and keeps it if we die there.
 *
 * Return: 0, or as detour_begin(); -EACCES at STAGE_CREATE and other errors of later stages
 * are those of clone, userfaultfd, and pidfd_getfd.
 */
int inject_userfaultfd(struct injection *injection, pid_t pid, pid_t tid, int pidfd,
		       bool own_files);

#endif
