// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/uio.h>
#include "memory.h"

static int copied(ssize_t nr, size_t size)
{
	if (nr < 0)
		return -errno;
	return (size_t)nr == size ? 0 : -EFAULT;
}

int memory_read(pid_t tid, uint64_t addr, void *bytes, size_t size)
{
	struct iovec local = { bytes, size };
	struct iovec remote = { (void *)(uintptr_t)addr, size };

	return copied(process_vm_readv(tid, &local, 1, &remote, 1, 0), size);
}

int memory_write(pid_t tid, uint64_t addr, const void *bytes, size_t size)
{
	struct iovec local = { (void *)(uintptr_t)bytes, size };
	struct iovec remote = { (void *)(uintptr_t)addr, size };

	return copied(process_vm_writev(tid, &local, 1, &remote, 1, 0), size);
}
