// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "stack_room.h"

#define RED_ZONE 128
#define ALIGNMENT 64
#define NR_LOOKED_AT 24
/* Below the bytes, for a signal that arrives, and as distance to whatever is at the end. */
#define RESERVE (32 << 10)
/* The C libraries put the thread's own record at the top of its stack. */
#define MAX_RECORD_SIZE (64 << 10)

/* Bits of /proc/PID/pagemap: present, swapped out, guard region */
#define PM_NOT_EMPTY (1ULL << 63 | 1ULL << 62 | 1ULL << 58)

/* How many entries of the page table could be read from @start on. */
static size_t read_pagemap(pid_t tid, uint64_t start, size_t page_size, uint64_t *entries)
{
	ssize_t size = -1;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size = pread(fd, entries, NR_LOOKED_AT * sizeof(*entries),
		     start / page_size * sizeof(*entries));
	close(fd);
	return size < 0 ? 0 : size / sizeof(*entries);
}

/* Pages that nobody has ever written to: then nobody expects anything there. */
static bool in_empty_pages(uint64_t *ret, size_t size, pid_t tid, const struct mapping *stack)
{
	size_t page_size = sysconf(_SC_PAGESIZE), want = (size + page_size - 1) / page_size, run = 0;
	uint64_t entries[NR_LOOKED_AT];
	size_t nr = read_pagemap(tid, stack->start, page_size, entries);

	for (size_t i = 0; i < nr && stack->start + (i + 1) * page_size <= stack->end; i++) {
		run = entries[i] & PM_NOT_EMPTY ? 0 : run + 1;
		if (run == want) {
			*ret = stack->start + (i + 1 - want) * page_size;
			return true;
		}
	}
	return false;
}

static bool below_stack_pointer(uint64_t *ret, size_t size, const struct mapping *stack,
				const struct user_regs_struct *regs)
{
	uint64_t sp = regs->rsp;

	if (sp < stack->start || sp >= stack->end || sp - stack->start < RED_ZONE + size + RESERVE)
		return false;
	*ret = (sp - RED_ZONE - size) & ~(ALIGNMENT - 1ULL);
	return true;
}

/*
 * The main thread's stack is marked by the kernel.  Its lowest pages, which it has
 * never reached, are free whatever stack the thread is on now.
 */
static bool on_main_stack(uint64_t *ret, size_t size, pid_t tid, const struct mapping *stack,
			  const struct user_regs_struct *regs)
{
	return in_empty_pages(ret, size, tid, stack) || below_stack_pointer(ret, size, stack, regs);
}

/* Memory above a guard page, with the record of this very thread at its top. */
static bool is_thread_stack(const struct mappings *maps, const struct mapping *mapping,
			    const struct user_regs_struct *regs)
{
	return mapping && mapping->private_anonymous && mapping->readable && mapping->writable &&
	       mapping->end - regs->fs_base <= MAX_RECORD_SIZE && regs->rsp < regs->fs_base &&
	       mappings_has_guard(maps, mapping);
}

int stack_room_find(uint64_t *ret, size_t size, pid_t pid, pid_t tid,
		    const struct mappings *maps, const struct user_regs_struct *regs)
{
	const struct mapping *stack;
	bool found;

	if (tid == pid) {
		stack = mappings_main_stack(maps);
		found = stack && on_main_stack(ret, size, tid, stack, regs);
	} else {
		stack = mappings_find(maps, regs->fs_base);
		found = is_thread_stack(maps, stack, regs) &&
			below_stack_pointer(ret, size, stack, regs);
	}
	return found ? 0 : -ENOSPC;
}
