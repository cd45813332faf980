// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "clear_refs.h"

/* Documentation/filesystems/proc.rst, Documentation/admin-guide/mm/pagemap.rst */
#define CLEAR_ALL	"1"
#define CLEAR_SOFT_DIRTY "4"	/* ends with a TLB flush of the whole process */
#define PAGEMAP_SOFT_DIRTY (1ULL << 55)

int clear_refs(int fd, int flush)
{
	if (write(fd, CLEAR_ALL, 1) != 1)
		return -errno;
	if (flush && write(fd, CLEAR_SOFT_DIRTY, 1) != 1)
		return -errno;
	return 0;
}

int clear_refs_of(pid_t pid, int flush)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	err = clear_refs(fd, flush);
	close(fd);
	return err;
}

int soft_dirty_works(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t word;
	int fd, ret;

	if (page == MAP_FAILED)
		return -errno;
	*page = 1;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
	} else {
		ssize_t got = pread(fd, &word, sizeof(word),
				    (off_t)((uintptr_t)page / size * sizeof(word)));

		ret = got == sizeof(word) ? !!(word & PAGEMAP_SOFT_DIRTY) : -EIO;
		close(fd);
	}
	munmap((void *)page, size);
	return ret;
}
