// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "tlb_eviction.h"

struct tlb_eviction *tlb_eviction_map(int fd)
{
	void *memory = mmap(NULL, sizeof(struct tlb_eviction), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void tlb_eviction_unmap(struct tlb_eviction *eviction)
{
	munmap(eviction, sizeof(*eviction));
}

static void wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void tlb_eviction_order(struct tlb_eviction *eviction)
{
	atomic_fetch_add(&eviction->nr_orders, 1);
	wake_all(&eviction->nr_orders);
}

void tlb_eviction_stop(struct tlb_eviction *eviction)
{
	atomic_store(&eviction->stop, 1);
	/* A changed word wakes also those that are just about to wait for it. */
	atomic_fetch_add(&eviction->nr_orders, 1);
	wake_all(&eviction->nr_orders);
}

int tlb_eviction_wait(struct tlb_eviction *eviction, uint32_t timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * 1000000,
	};
	uint32_t done;

	while ((done = atomic_load(&eviction->nr_done)) != atomic_load(&eviction->nr_orders))
		if (syscall(SYS_futex, &eviction->nr_done, FUTEX_WAIT, done, &timeout, NULL, 0) &&
		    errno == ETIMEDOUT)
			return -ETIMEDOUT;
	return 0;
}
