/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads page tables of processes with the BPF programs of bpf/ptwalk.bpf.c.
 *
 * Needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN.  Nothing is attached in the
 * kernel, no process is stopped or changed; closing the descriptors ends it all.
 * A walk must not be used by two threads at once.
 */
#ifndef PAGE_WALK_H
#define PAGE_WALK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "ptwalk.h"

struct page_walk;

/* What page_walk_create() was doing when it failed. */
enum page_walk_step {
	PAGE_WALK_LOAD,
	PAGE_WALK_MAP,
	PAGE_WALK_FIND_BASE,
};

/**
 * page_walk_create() - load the programs
 * @max_phys: end of RAM, in bytes
 * @step: out: what failed
 *
 * Return: 0 or a negative errno; ENOENT at FIND_BASE: the direct map was not found.
 */
int page_walk_create(struct page_walk **ret, uint64_t max_phys, enum page_walk_step *step);
void page_walk_destroy(struct page_walk *walk);

/**
 * page_walk_next() - copy page tables of a process, as many as fit
 * @task: keep it between calls for the same @pid; 0 at first
 * @start, @end: addresses; go on at the returned *@next until it is @end or above
 *
 * Then page_walk_entries() gives @nr of them; tables by page_walk_table().
 * Leaf entries are only given where accessed, tables always.
 *
 * Return: 0; -ESRCH: no such process; -EINVAL: it has no user memory (any more).
 */
int page_walk_next(struct page_walk *walk, pid_t pid, uint64_t *task, uint64_t start,
		   uint64_t end, uint64_t *next, size_t *nr);
const struct ptwalk_entry *page_walk_entries(const struct page_walk *walk);
const uint64_t *page_walk_table(const struct page_walk *walk, uint64_t table);

/* Reads that failed and tables that went away under the walk, since the creation. */
uint64_t page_walk_nr_failed(const struct page_walk *walk);

/**
 * page_walk_lookup() - read the entries that map single addresses
 * @entries: out: the leaf entry for each of @addrs, 0 where nothing is mapped
 * @sizes: out: bytes that the entry maps; may be NULL
 *
 * Return: as page_walk_next().
 */
int page_walk_lookup(struct page_walk *walk, pid_t pid, uint64_t *task, const uint64_t *addrs,
		     size_t nr, uint64_t *entries, uint64_t *sizes);

/**
 * page_walk_processes() - list all processes with user memory
 * @ret: out: valid until the next call for @walk
 * @nr_left_out: out: more than PTWALK_MAX_PROCESSES
 *
 * Return: how many, or a negative errno.
 */
ssize_t page_walk_processes(struct page_walk *walk, const struct ptwalk_process **ret,
			    size_t *nr_left_out);

/* The page frame that an entry maps. */
uint64_t page_walk_frame(const struct page_walk *walk, uint64_t entry);
/* End of user addresses. */
uint64_t page_walk_user_end(const struct page_walk *walk);

#endif
