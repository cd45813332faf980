// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include "gadgets.h"
#include "memory.h"

#define CHUNK_SIZE (64 << 10)
#define MAX_SIZE (64 << 20)		/* to be read in all */
#define USER_END (1ULL << 47)		/* [vsyscall] lies above, and cannot be read */

static const uint8_t SYSCALL_RET[] = { 0x0f, 0x05, 0xc3 };
static const uint8_t SIGRETURN[] = { 0x48, 0xc7, 0xc0, SYS_rt_sigreturn, 0, 0, 0, 0x0f, 0x05 };
static const uint8_t POP_RAX_RET[] = { 0x58, 0xc3 };

static void look_in(uint64_t *ret, const uint8_t *bytes, size_t size, uint64_t addr,
		    const uint8_t *pattern, size_t pattern_size)
{
	const uint8_t *found = *ret ? NULL : memmem(bytes, size, pattern, pattern_size);

	if (found)
		*ret = addr + (found - bytes);
}

static bool have_enough(const struct gadgets *gadgets)
{
	return gadgets->syscall_ret && (gadgets->sigreturn || gadgets->pop_rax_ret);
}

/* Reads at most @left bytes; how many, or a negative errno. */
static int64_t search(struct gadgets *gadgets, pid_t tid, const struct mapping *mapping,
		      uint8_t *chunk, uint64_t left)
{
	uint64_t addr = mapping->start, end = mapping->end;

	if (end - addr > left)
		end = addr + left;
	while (addr < end && !have_enough(gadgets)) {
		size_t size = end - addr < CHUNK_SIZE ? end - addr : CHUNK_SIZE;
		int err = memory_read(tid, addr, chunk, size);

		if (err == -EFAULT)
			return addr - mapping->start;	/* beyond the end of a file */
		if (err)
			return err;
		look_in(&gadgets->syscall_ret, chunk, size, addr, SYSCALL_RET, sizeof(SYSCALL_RET));
		look_in(&gadgets->sigreturn, chunk, size, addr, SIGRETURN, sizeof(SIGRETURN));
		look_in(&gadgets->pop_rax_ret, chunk, size, addr, POP_RAX_RET, sizeof(POP_RAX_RET));
		addr += size;
	}
	return addr - mapping->start;
}

/*
 * From the top: there lie the vdso, the dynamic linker and the C library, which
 * stay for ever; what is loaded later, and may go, is mapped further down.
 */
int gadgets_find(struct gadgets *gadgets, pid_t tid, const struct mappings *maps)
{
	uint8_t *chunk = malloc(CHUNK_SIZE);
	uint64_t left = MAX_SIZE;
	int64_t done = 0;

	*gadgets = (struct gadgets){ 0 };
	if (!chunk)
		return -ENOMEM;
	for (size_t i = maps->nr; i-- && !have_enough(gadgets) && done >= 0;) {
		const struct mapping *mapping = &maps->array[i];

		if (!mapping->executable || !mapping->readable || mapping->start >= USER_END)
			continue;
		done = search(gadgets, tid, mapping, chunk, left);
		left -= done > 0 ? done : 0;
	}
	free(chunk);
	if (done < 0)
		return (int)done;
	return have_enough(gadgets) ? 0 : -ENOENT;
}

size_t gadgets_way_home(const struct gadgets *gadgets, uint64_t *words)
{
	if (gadgets->sigreturn) {
		words[0] = gadgets->sigreturn;
		return 1;
	}
	words[0] = gadgets->pop_rax_ret;
	words[1] = SYS_rt_sigreturn;
	words[2] = gadgets->syscall_ret;
	return 3;
}

static bool is_at(pid_t tid, uint64_t addr, const uint8_t *pattern, size_t size)
{
	uint8_t bytes[16];

	return !memory_read(tid, addr, bytes, size) && !memcmp(bytes, pattern, size);
}

bool gadgets_intact(const struct gadgets *gadgets, pid_t tid)
{
	if (!is_at(tid, gadgets->syscall_ret, SYSCALL_RET, sizeof(SYSCALL_RET)))
		return false;
	if (gadgets->sigreturn)
		return is_at(tid, gadgets->sigreturn, SIGRETURN, sizeof(SIGRETURN));
	return is_at(tid, gadgets->pop_rax_ret, POP_RAX_RET, sizeof(POP_RAX_RET));
}
