/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From one page table to the next, and where a walk begins. */
#ifndef TABLES_BPF_H
#define TABLES_BPF_H

#include "tasks.bpf.h"

/* Where the table is that an entry points to, 0 if that is no RAM. */
static __u64 table_of(const struct ptwalk_space *space, __u64 entry)
{
	__u64 phys = entry & space->phys_mask;

	return phys < space->max_phys ? space->base + phys : 0;
}

static __u64 entry_at(struct cursor *c, __u64 table, __u32 shift)
{
	__u64 entry = 0;

	if (bpf_probe_read_kernel(&entry, sizeof(entry),
				  (void *)(table + ((c->va >> shift) & 511) * 8)))
		c->args.nr_failed++;
	return entry;
}

static void skip(struct cursor *c, __u32 shift)
{
	c->va = ((c->va >> shift) + 1) << shift;
}

static int is_mapped(__u64 entry)
{
	return !!(entry & (PTE_PRESENT | PTE_PROTNONE));
}

static long put_entry(struct cursor *c, __u64 kind, __u64 value)
{
	struct ptwalk_index *out = VALUE_OF(entries);
	__u32 n = c->args.nr_entries;

	if (!out || n >= PTWALK_NR_ENTRIES)
		return STOP;
	out->entries[n].va = c->va | kind;
	out->entries[n].value = value;
	c->args.nr_entries = n + 1;
	return CONTINUE;
}

/* The next lower table at the cursor; 0, and the cursor beyond, if there is none. */
static __u64 descend(struct cursor *c, __u64 table, __u32 shift)
{
	__u64 entry = entry_at(c, table, shift);

	table = entry & PTE_PRESENT ? table_of(&c->args.space, entry) : 0;
	if (!table)
		skip(c, shift);
	return table;
}

static int start_walk(struct cursor *c, struct ptwalk_args *args)
{
	struct task_struct *task;
	struct mm_struct *mm;

	c->args = *args;
	c->args.nr_entries = 0;
	c->args.nr_tables = 0;
	c->args.nr_failed = 0;
	c->pmd_gib = ~0ULL;
	task = find_task(args->pid, args->task);
	args->task = (__u64)task;
	if (!task)
		return -ESRCH;
	mm = BPF_CORE_READ(task, mm);
	if (!mm)
		return -EINVAL;
	c->pgd = (__u64)BPF_CORE_READ(mm, pgd);
	return 0;
}

#endif
