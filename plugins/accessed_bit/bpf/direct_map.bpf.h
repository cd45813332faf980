/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Find where the kernel maps all of RAM. */
#ifndef DIRECT_MAP_BPF_H
#define DIRECT_MAP_BPF_H

#include "state.bpf.h"

static __u64 entry_below(struct find_cursor *c, __u64 base, __u64 table, __u32 shift)
{
	__u64 entry = 0;

	if (bpf_probe_read_kernel(&entry, sizeof(entry),
				  (void *)(table + ((c->args.va >> shift) & 511) * 8)) ||
	    !(entry & PTE_PRESENT))
		return 0;
	return base + (entry & c->args.space.phys_mask);
}

/*
 * The caller's top table lies in the direct map, whose start is a multiple of
 * a GiB.  A guess is right if, with it, the caller's own tables lead to the
 * page that holds the magic number.
 */
static long find_step(__u32 i, void *unused)
{
	struct find_cursor *c = VALUE_OF(find_state);
	__u64 base, table, magic = 0;

	if (!c)
		return STOP;
	base = ((c->pgd >> PUD_SHIFT) - i) << PUD_SHIFT;
	table = c->pgd;
	if (c->args.space.levels == 5) {
		table = entry_below(c, base, table, PGD_SHIFT);
		if (!table)
			return CONTINUE;
	}
	table = entry_below(c, base, table, P4D_SHIFT);
	if (table)
		table = entry_below(c, base, table, PUD_SHIFT);
	if (table)
		table = entry_below(c, base, table, PMD_SHIFT);
	if (table)
		table = entry_below(c, base, table, PTE_SHIFT);
	if (!table)
		return CONTINUE;
	if (bpf_probe_read_kernel(&magic, sizeof(magic), (void *)(table + (c->args.va & 4088))) ||
	    magic != c->args.magic)
		return CONTINUE;
	c->args.base = base;
	return STOP;
}

SEC("syscall")
int find_base(struct ptwalk_find_args *args)
{
	struct find_cursor *c = VALUE_OF(find_state);
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!c)
		return -EINVAL;
	c->args = *args;
	c->args.base = 0;
	c->pgd = (__u64)BPF_CORE_READ(task, mm, pgd);
	bpf_loop((args->space.max_phys >> PUD_SHIFT) + 2, find_step, NULL, 0);
	args->base = c->args.base;
	return args->base ? 0 : -ENOENT;
}

#endif
