/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All processes of the machine at once: clear their accessed bits, and collect
 * the page frames behind those that are set again.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include "frame_bits.h"
#include "page_walk.h"

struct machine;

/**
 * struct machine_counts - what happened to the processes in one interval
 * @nr: memories (processes that share theirs count once) that were looked at
 * @born: since the clear; their accesses are since their birth
 * @gone: ended under way
 * @denied: could not be cleared, or were too many, hence were not looked at
 * @no_ram: accessed pages outside of RAM
 */
struct machine_counts {
	uint64_t nr;
	uint64_t born;
	uint64_t gone;
	uint64_t denied;
	uint64_t no_ram;
};

struct machine *machine_create(struct page_walk *walk);
void machine_destroy(struct machine *machine);

/**
 * machine_clear() - clear the accessed bits of all processes
 * @flush: also flush their TLBs
 * @counts: added to
 *
 * Return: 0 or a negative errno.
 */
int machine_clear(struct machine *machine, int flush, struct machine_counts *counts);

/**
 * machine_scan() - set the frames that were accessed since machine_clear()
 * @counts: added to
 *
 * Return: 0 or a negative errno.
 */
int machine_scan(struct machine *machine, struct frame_bits *frames,
		   struct machine_counts *counts);

/* Set the frames of accessed large pages in a part of one process.  0 or a negative errno. */
int machine_large_frames(struct machine *machine, pid_t pid, uint64_t start, uint64_t end,
			   struct frame_bits *frames);

#endif
