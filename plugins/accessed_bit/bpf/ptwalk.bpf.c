// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reads the page tables of any process, without a lock of it and without
 * stopping it.
 *
 * Every read is bpf_probe_read_kernel(): a table that is freed under the walk
 * gives garbage or an error, never a fault.  Programs of type "syscall" run
 * when user space says so (BPF_PROG_RUN) and attach to nothing.  What a
 * loop keeps between its steps is in a map: on the stack the verifier would
 * follow every value and give up.
 */
#include "direct_map.bpf.h"
#include "tables.bpf.h"
#include "tasks.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* --- all of a range --- */

/* Copy the PMD table of the GiB at the cursor. */
static long enter_gib(struct cursor *c)
{
	__u64 table = c->pgd, entry;

	if (c->args.space.levels == 5) {
		table = descend(c, table, PGD_SHIFT);
		if (!table)
			return CONTINUE;
	}
	table = descend(c, table, P4D_SHIFT);
	if (!table)
		return CONTINUE;
	entry = entry_at(c, table, PUD_SHIFT);
	if (entry & PTE_LEAF && is_mapped(entry)) {
		if (entry & PTE_ACCESSED && put_entry(c, PTWALK_PUD, entry) == STOP)
			return STOP;
		skip(c, PUD_SHIFT);
		return CONTINUE;
	}
	table = descend(c, table, PUD_SHIFT);
	if (!table)
		return CONTINUE;
	if (bpf_probe_read_kernel(c->pmds, sizeof(c->pmds), (void *)table)) {
		c->args.nr_failed++;
		skip(c, PUD_SHIFT);
		return CONTINUE;
	}
	c->pmd_table = table;
	c->pmd_gib = c->va >> PUD_SHIFT;
	return CONTINUE;
}

/* Copy the page table at the cursor; what changed its place meanwhile is left out. */
static long copy_table(struct cursor *c, __u64 entry)
{
	struct ptwalk_tables *out = VALUE_OF(tables);
	__u64 table = table_of(&c->args.space, entry);
	__u32 n = c->args.nr_tables;

	if (!out || n >= PTWALK_NR_TABLES || c->args.nr_entries >= PTWALK_NR_ENTRIES)
		return STOP;
	if (!table || bpf_probe_read_kernel(out->tables[n], sizeof(out->tables[n]), (void *)table) ||
	    table_of(&c->args.space, entry_at(c, c->pmd_table, PMD_SHIFT)) != table) {
		c->args.nr_failed++;
		return CONTINUE;
	}
	c->args.nr_tables = n + 1;
	return put_entry(c, PTWALK_TABLE, n);
}

static long walk_step(__u32 i, void *unused)
{
	struct cursor *c = VALUE_OF(walk_state);
	__u64 entry;
	long done = CONTINUE;

	if (!c || c->va >= c->args.end)
		return STOP;
	if (c->va >> PUD_SHIFT != c->pmd_gib)
		return enter_gib(c);
	entry = c->pmds[(c->va >> PMD_SHIFT) & 511];
	if (entry & PTE_LEAF) {
		if (is_mapped(entry) && entry & PTE_ACCESSED)
			done = put_entry(c, PTWALK_PMD, entry);
	} else if (entry & PTE_PRESENT) {
		done = copy_table(c, entry);
	}
	if (done == CONTINUE)
		skip(c, PMD_SHIFT);
	return done;
}

SEC("syscall")
int walk(struct ptwalk_args *args)
{
	struct cursor *c = VALUE_OF(walk_state);
	int err;

	if (!c)
		return -EINVAL;
	err = start_walk(c, args);
	if (err)
		return err;
	c->va = args->start;
	bpf_loop(PTWALK_MAX_STEPS, walk_step, NULL, 0);
	args->next = c->va;
	args->nr_entries = c->args.nr_entries;
	args->nr_tables = c->args.nr_tables;
	args->nr_failed = c->args.nr_failed;
	return 0;
}

/* --- single addresses --- */

/* The entry that maps the cursor, and its kind in *kind. */
static __u64 leaf_at(struct cursor *c, __u64 *kind)
{
	__u64 table = c->pgd, entry;

	*kind = PTWALK_PTE;
	if (c->args.space.levels == 5) {
		table = descend(c, table, PGD_SHIFT);
		if (!table)
			return 0;
	}
	table = descend(c, table, P4D_SHIFT);
	if (!table)
		return 0;
	entry = entry_at(c, table, PUD_SHIFT);
	if (entry & PTE_LEAF) {
		*kind = PTWALK_PUD;
		return entry;
	}
	table = entry & PTE_PRESENT ? table_of(&c->args.space, entry) : 0;
	if (!table)
		return 0;
	entry = entry_at(c, table, PMD_SHIFT);
	if (entry & PTE_LEAF) {
		*kind = PTWALK_PMD;
		return entry;
	}
	table = entry & PTE_PRESENT ? table_of(&c->args.space, entry) : 0;
	return table ? entry_at(c, table, PTE_SHIFT) : 0;
}

static long lookup_step(__u32 i, void *unused)
{
	struct cursor *c = VALUE_OF(walk_state);
	struct ptwalk_index *io = VALUE_OF(entries);
	struct ptwalk_entry *e;
	__u64 kind, entry;

	if (!c || !io || i >= c->args.nr_lookups)
		return STOP;
	e = &io->entries[i & (PTWALK_NR_ENTRIES - 1)];
	c->va = e->va & ~PTWALK_KIND;
	entry = leaf_at(c, &kind);
	e->va = (e->va & ~PTWALK_KIND) | kind;
	e->value = is_mapped(entry) ? entry : 0;
	return CONTINUE;
}

SEC("syscall")
int lookup(struct ptwalk_args *args)
{
	struct cursor *c = VALUE_OF(walk_state);
	int err;

	if (!c)
		return -EINVAL;
	err = start_walk(c, args);
	if (err)
		return err;
	bpf_loop(PTWALK_NR_ENTRIES, lookup_step, NULL, 0);
	args->nr_failed = c->args.nr_failed;
	return 0;
}
