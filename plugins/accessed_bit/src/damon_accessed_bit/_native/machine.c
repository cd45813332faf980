// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "clear_refs.h"
#include "machine.h"
#include "young_bits.h"

struct process {
	struct ptwalk_process seen;
	int err;			/* of clearing it */
};

struct machine {
	struct page_walk *walk;
	struct process *cleared;	/* ascending by mm, each mm once */
	size_t nr_cleared;
	struct process *now;
	size_t nr_now;
};

struct machine *machine_create(struct page_walk *walk)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	if (machine)
		machine->walk = walk;
	return machine;
}

void machine_destroy(struct machine *machine)
{
	if (!machine)
		return;
	free(machine->cleared);
	free(machine->now);
	free(machine);
}

static int compare_mm(const void *a, const void *b)
{
	uint64_t x = ((const struct process *)a)->seen.mm;
	uint64_t y = ((const struct process *)b)->seen.mm;

	return (x > y) - (x < y);
}

/* Of processes that share memory the eldest stands for all of them, each time. */
static int compare_mm_and_pid(const void *a, const void *b)
{
	uint32_t x = ((const struct process *)a)->seen.pid;
	uint32_t y = ((const struct process *)b)->seen.pid;
	int by_mm = compare_mm(a, b);

	return by_mm ? by_mm : (x > y) - (x < y);
}

static size_t unique_mm(struct process *list, size_t nr)
{
	size_t kept = 0;

	for (size_t i = 0; i < nr; i++)
		if (!kept || list[i].seen.mm != list[kept - 1].seen.mm)
			list[kept++] = list[i];
	return kept;
}

static int list_now(struct page_walk *walk, struct process **list, size_t *nr, size_t *nr_left_out)
{
	const struct ptwalk_process *seen;
	ssize_t nr_seen = page_walk_processes(walk, &seen, nr_left_out);
	struct process *larger;

	if (nr_seen < 0)
		return (int)nr_seen;
	larger = realloc(*list, ((size_t)nr_seen + 1) * sizeof(**list));
	if (!larger)
		return -ENOMEM;
	*list = larger;
	for (ssize_t i = 0; i < nr_seen; i++)
		larger[i] = (struct process){ .seen = seen[i] };
	qsort(larger, (size_t)nr_seen, sizeof(*larger), compare_mm_and_pid);
	*nr = unique_mm(larger, (size_t)nr_seen);
	return 0;
}

int machine_clear(struct machine *machine, int flush, struct machine_counts *counts)
{
	size_t nr_left_out = 0;
	int err = list_now(machine->walk, &machine->cleared, &machine->nr_cleared, &nr_left_out);

	if (err)
		return err;
	counts->denied += nr_left_out;
	for (size_t i = 0; i < machine->nr_cleared; i++) {
		struct process *process = &machine->cleared[i];

		process->err = clear_refs_of((pid_t)process->seen.pid, flush);
		if (process->err == -ESRCH)
			counts->gone++;
		else if (process->err)
			counts->denied++;
	}
	return 0;
}

static void set_table(const struct page_walk *walk, const uint64_t *table,
		      struct frame_bits *frames, struct machine_counts *counts)
{
	uint64_t words[YOUNG_WORDS];

	young_bits_of_table(table, words);
	for (int i = 0; i < YOUNG_WORDS; i++) {
		for (uint64_t rest = words[i]; rest; rest &= rest - 1) {
			uint64_t entry = table[64 * i + __builtin_ctzll(rest)];

			if (!frame_bits_set(frames, page_walk_frame(walk, entry), 1))
				counts->no_ram++;
		}
	}
}

static void set_entry(const struct page_walk *walk, const struct ptwalk_entry *entry,
		      struct frame_bits *frames, struct machine_counts *counts)
{
	uint64_t kind = entry->va & PTWALK_KIND;
	uint64_t nr = 1ULL << ((kind == PTWALK_PUD ? PUD_SHIFT : PMD_SHIFT) - PTE_SHIFT);

	if (kind == PTWALK_TABLE)
		set_table(walk, page_walk_table(walk, entry->value), frames, counts);
	else if (!frame_bits_set(frames, page_walk_frame(walk, entry->value) & ~(nr - 1), nr))
		counts->no_ram++;
}

static int scan_one(struct page_walk *walk, struct ptwalk_process *process,
		    struct frame_bits *frames, struct machine_counts *counts)
{
	uint64_t end = page_walk_user_end(walk);
	uint64_t at = 0;
	int err = 0;

	while (at < end && !err) {
		const struct ptwalk_entry *entries = page_walk_entries(walk);
		size_t nr = 0;

		err = page_walk_next(walk, (pid_t)process->pid, &process->task, at, end, &at, &nr);
		for (size_t i = 0; !err && i < nr; i++)
			set_entry(walk, &entries[i], frames, counts);
	}
	return err;
}

int machine_scan(struct machine *machine, struct frame_bits *frames,
		   struct machine_counts *counts)
{
	size_t nr_left_out;
	int err = list_now(machine->walk, &machine->now, &machine->nr_now, &nr_left_out);

	for (size_t i = 0; i < machine->nr_now && !err; i++) {
		struct process *process = &machine->now[i];
		const struct process *before = NULL;

		if (machine->nr_cleared)
			before = bsearch(process, machine->cleared, machine->nr_cleared,
					 sizeof(*before), compare_mm);
		if (before && before->seen.pid != process->seen.pid)
			before = NULL;	/* memory of one that has ended, taken by a new one */
		if (before && before->err && before->err != -ESRCH)
			continue;
		counts->nr++;
		counts->born += !before;
		err = scan_one(machine->walk, &process->seen, frames, counts);
		if (err == -ESRCH || err == -EINVAL) {
			counts->gone++;
			err = 0;
		}
	}
	return err;
}

int machine_large_frames(struct machine *machine, pid_t pid, uint64_t start, uint64_t end,
			   struct frame_bits *frames)
{
	struct machine_counts ignored = { 0 };
	uint64_t at = start, task = 0;
	int err = 0;

	while (at < end && !err) {
		const struct ptwalk_entry *entries = page_walk_entries(machine->walk);
		size_t nr = 0;

		err = page_walk_next(machine->walk, pid, &task, at, end, &at, &nr);
		for (size_t i = 0; !err && i < nr; i++)
			if ((entries[i].va & PTWALK_KIND) != PTWALK_TABLE)
				set_entry(machine->walk, &entries[i], frames, &ignored);
	}
	return err;
}
