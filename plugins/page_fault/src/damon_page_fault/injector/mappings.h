/* SPDX-License-Identifier: Apache-2.0 */
/* The mappings of a process as they were when read, in ascending order. */
#ifndef MAPPINGS_H
#define MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping {
	uint64_t start;
	uint64_t end;
	bool readable;
	bool writable;
	bool executable;
	bool private_anonymous;
	bool main_stack;	/* the kernel's [stack], of the main thread */
};

struct mappings {
	struct mapping *array;
	size_t nr;
	size_t cap;
};

/* Read those that thread @tid sees.  0 or a negative errno; deinit in either case. */
int mappings_read(struct mappings *maps, pid_t tid);
void mappings_deinit(struct mappings *maps);

/* The mapping that holds @addr, or NULL. */
const struct mapping *mappings_find(const struct mappings *maps, uint64_t addr);
const struct mapping *mappings_main_stack(const struct mappings *maps);

/* May nothing at all access the bytes right below @mapping, as below a thread's stack? */
bool mappings_has_guard(const struct mappings *maps, const struct mapping *mapping);

#endif
