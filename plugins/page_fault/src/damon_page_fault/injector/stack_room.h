/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stack memory of a thread that holds nothing: where bytes can be written and
 * left without harm.  Only memory that is known to be the thread's own stack is
 * taken; the stack pointer alone does not tell, it may be on a coroutine's.
 */
#ifndef STACK_ROOM_H
#define STACK_ROOM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>
#include "mappings.h"

/**
 * stack_room_find() - room for @size bytes at a multiple of 64
 * @pid, @tid: the thread, which is stopped
 * @regs: its own
 *
 * Return: 0, or -ENOSPC when no memory is known to be free.
 */
int stack_room_find(uint64_t *ret, size_t size, pid_t pid, pid_t tid,
		    const struct mappings *maps, const struct user_regs_struct *regs);

#endif
