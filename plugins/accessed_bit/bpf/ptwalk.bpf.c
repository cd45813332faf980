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
#include <linux/bpf.h>
#include <asm-generic/errno-base.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "ptwalk.h"

#define CONTINUE 0
#define STOP 1

/* Only the fields that are read; the kernel relocates them when it loads the program. */
#define KERNEL_TYPE __attribute__((preserve_access_index))

struct list_head {
	struct list_head *next;
} KERNEL_TYPE;

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
} KERNEL_TYPE;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} KERNEL_TYPE;

struct mm_struct {
	void *pgd;
} KERNEL_TYPE;

struct task_struct {
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct list_head tasks;
	struct pid *thread_pid;
} KERNEL_TYPE;

/**
 * struct cursor - state of one run
 * @pmd_gib: which GiB @pmds is a copy for
 * @pmd_table: where it was copied from
 */
struct cursor {
	struct ptwalk_args args;
	__u64 pgd;
	__u64 va;
	__u64 pmd_gib;
	__u64 pmd_table;
	__u64 pmds[PTWALK_TABLE_LENGTH];
};

/**
 * struct task_cursor - state of one pass over the processes
 * @first: where the pass began, and ends
 * @level, @ns: the caller's PID namespace
 */
struct task_cursor {
	struct task_struct *task;
	struct task_struct *first;
	struct task_struct *found;
	struct pid_namespace *ns;
	__u32 level;
	__u32 pid;
	__u32 nr;
	__u32 nr_left_out;
};

struct find_cursor {
	struct ptwalk_find_args args;
	__u64 pgd;
};


struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct ptwalk_index);
} entries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct ptwalk_tables);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cursor);
} walk_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct task_cursor);
} task_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct find_cursor);
} find_state SEC(".maps");

char _license[] SEC("license") = "Dual BSD/GPL";

#define VALUE_OF(map) ({ __u32 only = 0; bpf_map_lookup_elem(&(map), &only); })

/* --- processes --- */

/* The number of a process in the caller's PID namespace, 0 if it has none there. */
static __u32 pid_seen_by(struct task_cursor *c, struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid upid = {};
	void *numbers;

	if (!pid || BPF_CORE_READ(pid, level) < c->level)
		return 0;
	numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
		  (__u64)c->level * bpf_core_type_size(struct upid);
	if (bpf_probe_read_kernel(&upid.nr, sizeof(upid.nr),
				  numbers + bpf_core_field_offset(struct upid, nr)) ||
	    bpf_probe_read_kernel(&upid.ns, sizeof(upid.ns),
				  numbers + bpf_core_field_offset(struct upid, ns)))
		return 0;
	return upid.ns == c->ns ? upid.nr : 0;
}

static struct task_cursor *start_tasks(void)
{
	struct task_cursor *c = VALUE_OF(task_state);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pid *pid;
	void *numbers;

	if (!c)
		return NULL;
	pid = BPF_CORE_READ(task, thread_pid);
	c->level = BPF_CORE_READ(pid, level);
	numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
		  (__u64)c->level * bpf_core_type_size(struct upid);
	c->ns = NULL;
	bpf_probe_read_kernel(&c->ns, sizeof(c->ns),
			      numbers + bpf_core_field_offset(struct upid, ns));
	c->first = BPF_CORE_READ(task, group_leader);
	c->task = c->first;
	c->found = NULL;
	c->nr = 0;
	c->nr_left_out = 0;
	return c;
}

static long next_task(struct task_cursor *c)
{
	struct task_struct *task = c->task;
	struct list_head *next = BPF_CORE_READ(task, tasks.next);

	if (!next)
		return STOP;
	c->task = (void *)next - bpf_core_field_offset(struct task_struct, tasks);
	return c->task == c->first ? STOP : CONTINUE;
}

static long find_task_step(__u32 i, void *unused)
{
	struct task_cursor *c = VALUE_OF(task_state);

	if (!c)
		return STOP;
	if (pid_seen_by(c, c->task) == c->pid) {
		c->found = c->task;
		return STOP;
	}
	return next_task(c);
}

/*
 * A task of an earlier run is taken again if it still has the number: memory
 * of a task that is gone has not (its thread_pid is cleared), and reads of it
 * are as harmless as all others here.
 */
static struct task_struct *find_task(__u32 pid, __u64 known)
{
	struct task_cursor *c = start_tasks();

	if (!c || !pid)
		return NULL;
	if (known && pid_seen_by(c, (void *)known) == pid)
		return (void *)known;
	c->pid = pid;
	bpf_loop(1 << 22, find_task_step, NULL, 0);
	return c->found;
}

static long list_step(__u32 i, void *unused)
{
	struct task_cursor *c = VALUE_OF(task_state);
	struct ptwalk_tables *out = VALUE_OF(tables);
	struct task_struct *task;
	__u64 mm;
	__u32 pid, n;

	if (!c || !out)
		return STOP;
	task = c->task;
	mm = (__u64)BPF_CORE_READ(task, mm);
	pid = mm ? pid_seen_by(c, task) : 0;
	if (pid) {
		n = c->nr;
		if (n < PTWALK_MAX_PROCESSES) {
			out->processes[n].pid = pid;
			out->processes[n].task = (__u64)task;
			out->processes[n].mm = mm;
			c->nr = n + 1;
		} else {
			c->nr_left_out++;
		}
	}
	return next_task(c);
}

SEC("syscall")
int list_processes(struct ptwalk_list_args *args)
{
	struct task_cursor *c = start_tasks();

	if (!c)
		return -EINVAL;
	bpf_loop(1 << 22, list_step, NULL, 0);
	args->nr = c->nr;
	args->nr_left_out = c->nr_left_out;
	return 0;
}

/* --- page tables --- */

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

/* --- the direct map --- */

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
