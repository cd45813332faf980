// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "fault_cost.h"
#include "uffd.h"

#define NR_PAGES 64
#define NR_ROUNDS 8

static int64_t cpu_time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static int64_t write_all(volatile char *memory, uint64_t page_size)
{
	int64_t before_ns = cpu_time_ns();

	for (size_t i = 0; i < NR_PAGES; i++)
		memory[i * page_size] = 1;
	return cpu_time_ns() - before_ns;
}

static int watch(int fd, uint64_t start, uint64_t end)
{
	uint64_t features;
	int rc = uffd_api(fd, UFFD_WP_ASYNC | UFFD_WP_UNPOPULATED, &features);

	return rc ? rc : uffd_register(fd, UFFD_WRITES, start, end);
}

static int64_t measure(int fd, char *memory, uint64_t page_size)
{
	uint64_t start = (uintptr_t)memory, end = start + NR_PAGES * page_size;
	int64_t best_ns = INT64_MAX, ns;
	int rc = watch(fd, start, end);

	for (int round = 0; !rc && round < NR_ROUNDS; round++) {
		rc = uffd_protect(fd, UFFD_WRITES, start, end);
		if (rc)
			break;
		ns = write_all(memory, page_size);
		ns -= write_all(memory, page_size);
		if (ns < best_ns)
			best_ns = ns;
	}
	return rc ? rc : best_ns / NR_PAGES;
}

int64_t fault_cost_ns(uint64_t page_size)
{
	size_t size = NR_PAGES * page_size;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t ns;
	int fd;

	if (memory == MAP_FAILED)
		return -errno;
	madvise(memory, size, MADV_NOHUGEPAGE);
	write_all(memory, page_size);
	fd = uffd_open();
	ns = fd < 0 ? fd : measure(fd, memory, page_size);
	if (fd >= 0)
		close(fd);
	munmap(memory, size);
	return ns;
}
