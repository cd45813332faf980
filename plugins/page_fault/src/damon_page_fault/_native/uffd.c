// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "uffd.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define REGISTER_MODE_WP (1ull << 1)
#define REGISTER_MODE_RWP (1ull << 3)

/* UFFDIO_WRITEPROTECT and UFFDIO_RWPROTECT take the same. */
struct protect_arg {
	struct uffdio_range range;
	uint64_t mode;
};

#define PROTECT_MODE_ON 1
#define PROTECT_WRITES _IOWR(UFFDIO, 0x06, struct protect_arg)
#define PROTECT_READS_WRITES _IOWR(UFFDIO, 0x09, struct protect_arg)

int uffd_open(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	return fd < 0 ? -errno : fd;
}

int uffd_api(int fd, uint64_t features, uint64_t *ret)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	if (ioctl(fd, UFFDIO_API, &api))
		return -errno;
	*ret = api.features;
	return 0;
}

int uffd_register(int fd, enum uffd_kind kind, uint64_t start, uint64_t end)
{
	struct uffdio_register reg = {
		.range = { .start = start, .len = end - start },
		.mode = kind == UFFD_WRITES ? REGISTER_MODE_WP : REGISTER_MODE_RWP,
	};

	return ioctl(fd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

int uffd_protect(int fd, enum uffd_kind kind, uint64_t start, uint64_t end)
{
	unsigned long request = kind == UFFD_WRITES ? PROTECT_WRITES : PROTECT_READS_WRITES;
	struct protect_arg arg = {
		.range = { .start = start, .len = end - start },
		.mode = PROTECT_MODE_ON,
	};
	int rc;

	/* -EAGAIN while the mappings of the process change. */
	do {
		rc = ioctl(fd, request, &arg) ? -errno : 0;
	} while (rc == -EAGAIN);
	return rc;
}
