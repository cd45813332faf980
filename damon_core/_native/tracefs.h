/* SPDX-License-Identifier: Apache-2.0 */
/* The tracing file system, without a place in the tree of files. */
#ifndef DAMON_TRACEFS_H
#define DAMON_TRACEFS_H

/*
 * A directory of tracefs that only the caller sees, and that is gone once it is
 * closed: nothing is mounted.  A negative errno: EPERM without CAP_SYS_ADMIN, ENODEV
 * if the kernel has no tracefs, ENOSYS before Linux 5.2.
 */
int damon_tracefs_open(void);

#endif
