/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the programs read of the kernel, and what they keep between the steps of a loop. */
#ifndef STATE_BPF_H
#define STATE_BPF_H

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

#define VALUE_OF(map) ({ __u32 only = 0; bpf_map_lookup_elem(&(map), &only); })

#endif
