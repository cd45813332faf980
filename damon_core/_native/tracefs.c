// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tracefs.h"

/* Numbers are those of every architecture; headers to build with may be older. */
#ifndef SYS_fsopen
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif

#define FS_CLOEXEC 1			/* FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC */
#define CONFIG_CREATE 6			/* FSCONFIG_CMD_CREATE */

int damon_tracefs_open(void)
{
	int context = syscall(SYS_fsopen, "tracefs", FS_CLOEXEC);
	int directory = -1, error;

	if (context < 0)
		return -errno;
	if (!syscall(SYS_fsconfig, context, CONFIG_CREATE, NULL, NULL, 0))
		directory = syscall(SYS_fsmount, context, FS_CLOEXEC, 0);
	error = errno;
	close(context);
	return directory < 0 ? -error : directory;
}
