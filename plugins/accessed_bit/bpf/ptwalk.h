/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What ptwalk.bpf.c and its user-space caller share: arguments, results, and
 * the layout of the maps.
 */
#ifndef PTWALK_H
#define PTWALK_H

#ifdef __bpf__
#include <linux/types.h>
typedef __u32 uint32_t;
typedef __u64 uint64_t;
#else
#include <stdint.h>
#endif

#define PTWALK_NR_ENTRIES	8192	/* index entries of one run */
#define PTWALK_NR_TABLES	512	/* page tables of one run: 1 GiB of 4 KiB pages */
#define PTWALK_TABLE_LENGTH	512
#define PTWALK_MAX_STEPS	65536	/* of one run: it must not keep its CPU for long */
#define PTWALK_MAX_PROCESSES	65536

/* x86-64 page-table entries. */
#define PTE_PRESENT	(1ULL << 0)
#define PTE_ACCESSED	(1ULL << 5)
#define PTE_LEAF	(1ULL << 7)	/* in PMD and PUD entries */
#define PTE_PROTNONE	(1ULL << 8)	/* only where not PRESENT: mapped, access traps */

#define PTE_SHIFT	12
#define PMD_SHIFT	21
#define PUD_SHIFT	30
#define P4D_SHIFT	39
#define PGD_SHIFT	48		/* with five levels; with four, P4D is the top */

/**
 * struct ptwalk_space - how to reach page tables through the direct map
 * @base: virtual address of physical address 0 (the kernel's page_offset_base)
 * @phys_mask: the bits of an entry that are an address of RAM; leaves out encryption bits
 * @max_phys: end of RAM; entries that point beyond are not followed
 * @levels: 4 or 5
 */
struct ptwalk_space {
	uint64_t base;
	uint64_t phys_mask;
	uint64_t max_phys;
	uint64_t levels;
};

/**
 * struct ptwalk_find_args - of find_base: learn ptwalk_space.base
 * @space: all but base
 * @va: an address of the caller that holds @magic, in memory that stays where it is
 * @base: out, 0 if not found
 */
struct ptwalk_find_args {
	struct ptwalk_space space;
	uint64_t va;
	uint64_t magic;
	uint64_t base;
};

/**
 * struct ptwalk_args - of walk and of lookup
 * @task: in: what an earlier run gave for this @pid, or 0; out: for the next run
 * @pid: process, as the caller's PID namespace numbers it
 * @nr_lookups: of lookup: how many addresses wait in the index
 * @start, @end: of walk: the addresses to look at
 * @next: out: where to go on; @end or above if done
 * @nr_entries: out: index entries written
 * @nr_tables: out: page tables copied
 * @nr_failed: out: reads that failed, and tables that went away under the walk
 */
struct ptwalk_args {
	struct ptwalk_space space;
	uint64_t task;
	uint32_t pid;
	uint32_t nr_lookups;
	uint64_t start;
	uint64_t end;
	uint64_t next;
	uint32_t nr_entries;
	uint32_t nr_tables;
	uint64_t nr_failed;
};

/* ptwalk_entry.va has the kind in its lowest bits. */
#define PTWALK_TABLE	0	/* value: which of the copied page tables */
#define PTWALK_PMD	1	/* value: the entry, which maps 2 MiB */
#define PTWALK_PUD	2	/* value: the entry, which maps 1 GiB */
#define PTWALK_PTE	3	/* lookup only; value: the entry, 0 if nothing is mapped */
#define PTWALK_KIND	7ULL

struct ptwalk_entry {
	uint64_t va;
	uint64_t value;
};

/* Of the map "entries". */
struct ptwalk_index {
	struct ptwalk_entry entries[PTWALK_NR_ENTRIES];
};

struct ptwalk_process {
	uint32_t pid;
	uint32_t reserved;
	uint64_t task;
	uint64_t mm;
};

/* Of the map "tables"; list_processes puts its result in the same memory. */
struct ptwalk_tables {
	union {
		uint64_t tables[PTWALK_NR_TABLES][PTWALK_TABLE_LENGTH];
		struct ptwalk_process processes[PTWALK_MAX_PROCESSES];
	};
};

/**
 * struct ptwalk_list_args - of list_processes: all processes with user memory
 * @nr: out: how many were written
 * @nr_left_out: out: more than PTWALK_MAX_PROCESSES
 */
struct ptwalk_list_args {
	uint32_t nr;
	uint32_t nr_left_out;
};

#endif
