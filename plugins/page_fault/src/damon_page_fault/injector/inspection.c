// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <poll.h>
#include <sys/ptrace.h>
#include "inspection.h"
#include "seccomp_filter.h"
#include "thread_status.h"

#define GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211	/* of ptrace, since Linux 6.4 */

/* As long as the process lives, its id means nothing else. */
static bool is_alive(int pidfd)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 0;
}

static bool dispatches_syscalls(pid_t tid)
{
	struct { uint64_t mode, selector, offset, size; } config = { 0 };

	return ptrace(GET_SYSCALL_USER_DISPATCH_CONFIG, tid, sizeof(config), &config) == 0 &&
	       config.mode;
}

int inspection_make(struct inspection *inspection, pid_t pid, pid_t tid, int pidfd,
		    const struct gadgets *gadgets)
{
	struct thread_status status;
	int err = thread_status_read(&status, tid);

	if (err)
		return err;
	if (!is_alive(pidfd) || status.tgid != pid)
		return -ESRCH;
	if (status.shadow_stack || dispatches_syscalls(tid))
		return -EOPNOTSUPP;
	if (!gadgets_intact(gadgets, tid))
		return -EAGAIN;
	inspection->seccomp = status.seccomp;
	inspection->signal_pending = status.signal_pending;
	return 0;
}

int inspection_ask_seccomp(const struct inspection *inspection, pid_t tid,
			   const struct gadgets *gadgets, const struct call *calls, size_t nr)
{
	if (inspection->seccomp == SECCOMP_MODE_STRICT)
		return -EACCES;
	for (size_t i = 0; inspection->seccomp && i < nr; i++) {
		struct seccomp_data call = {
			.nr = calls[i].nr,
			.arch = AUDIT_ARCH_X86_64,
			.instruction_pointer = gadgets_ret(gadgets),
			.args = { calls[i].arg0, calls[i].arg1 },
		};
		int err = seccomp_filter_ask(tid, &call);

		if (err)
			return err;
	}
	return 0;
}
