/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/clear_refs: clear the accessed bits of all pages of a process. */
#ifndef CLEAR_REFS_H
#define CLEAR_REFS_H

#include <stdint.h>
#include <sys/types.h>

/**
 * clear_refs() - clear through an open clear_refs file
 * @flush: also flush the TLB; where the kernel has soft-dirty bits this protects
 *         every page against writes, and takes those bits from others
 *
 * Return: 0; -ESRCH: the process has ended; or another negative errno.
 */
int clear_refs(int fd, int flush);

/* The same for a process by number; -ESRCH also if there is none. */
int clear_refs_of(pid_t pid, int flush);

/**
 * soft_dirty_works() - does the kernel have soft-dirty bits?
 *
 * Tried: writes to a page of its own, and looks it up in pagemap.
 *
 * Return: 0 or 1, or a negative errno.
 */
int soft_dirty_works(void);

#endif
