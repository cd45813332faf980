// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#include "light_skeleton.h"
#include "page_walk.h"
#include "ptwalk.skel.h"

/* What of an entry is an address; encryption bits are among these. */
#define PTE_ADDRESS	0x000ffffffffff000ULL

#define MAP_DESC(name) struct light_skeleton_map name;
#define PROGRAM_DESC(name) struct light_skeleton_program name;

struct skeleton {
	struct light_skeleton_ctx ctx;
	struct {
		PTWALK_MAPS(MAP_DESC)
	} maps;
	struct {
		PTWALK_PROGRAMS(PROGRAM_DESC)
	} programs;
};

struct page_walk {
	struct skeleton fds;
	struct ptwalk_space space;
	struct ptwalk_index *index;
	struct ptwalk_tables *tables;
	uint64_t nr_failed;
};

static void close_fd(int fd)
{
	if (fd > 0)
		close(fd);
}

static void *map_value(int fd, size_t size, int prot)
{
	void *value = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	return value == MAP_FAILED ? NULL : value;
}

static int map_values(struct page_walk *walk)
{
	walk->index = map_value(walk->fds.maps.entries.fd, sizeof(*walk->index),
				PROT_READ | PROT_WRITE);
	if (!walk->index)
		return -errno;
	walk->tables = map_value(walk->fds.maps.tables.fd, sizeof(*walk->tables), PROT_READ);
	return walk->tables ? 0 : -errno;
}

/* The bits of a page-table entry that are an address below @max_phys: no encryption bit is. */
static uint64_t ram_mask(uint64_t max_phys)
{
	uint64_t end = 1ULL << PTE_SHIFT;

	while (end < max_phys)
		end <<= 1;
	return (end - 1) & PTE_ADDRESS;
}

/* From now on tell addresses beyond RAM from encryption bits: those that our own page has. */
static int learn_encryption(struct page_walk *walk, const uint64_t *magic)
{
	uint64_t task = 0, addr = (uintptr_t)magic, entry;
	int err = page_walk_lookup(walk, getpid(), &task, &addr, 1, &entry, NULL);

	if (!err)
		walk->space.phys_mask = PTE_ADDRESS & ~(entry & ~ram_mask(walk->space.max_phys));
	return err;
}

static int find_base_with(struct page_walk *walk, uint64_t levels, const uint64_t *magic)
{
	struct ptwalk_find_args args = { .space = walk->space };
	int err;

	args.space.levels = levels;
	args.va = (uintptr_t)magic;
	args.magic = *magic;
	err = bpf_program_run(walk->fds.programs.find_base.fd, &args, sizeof(args));
	if (err)
		return err;
	walk->space = args.space;
	walk->space.base = args.base;
	return 0;
}

static int find_base(struct page_walk *walk)
{
	long size = sysconf(_SC_PAGESIZE);
	uint64_t *magic = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = -ENOENT;

	if (magic == MAP_FAILED)
		return -errno;
	/* A small page: the search expects one, and locked, so that it stays where it is. */
	madvise(magic, (size_t)size, MADV_NOHUGEPAGE);
	mlock(magic, (size_t)size);
	if (getrandom(magic, sizeof(*magic), 0) != sizeof(*magic))
		*magic ^= (uintptr_t)magic ^ (uint64_t)getpid();
	for (uint64_t levels = 4; levels <= 5 && err == -ENOENT; levels++)
		err = find_base_with(walk, levels, magic);
	if (!err)
		err = learn_encryption(walk, magic);
	munmap(magic, (size_t)size);
	return err;
}

int page_walk_create(struct page_walk **ret, uint64_t max_phys, enum page_walk_step *step)
{
	struct page_walk *walk = calloc(1, sizeof(*walk));
	int err;

	*step = PAGE_WALK_LOAD;
	if (!walk)
		return -ENOMEM;
	walk->space.max_phys = max_phys;
	walk->space.phys_mask = ram_mask(max_phys);
	err = light_skeleton_load(ptwalk_loader, sizeof(ptwalk_loader), ptwalk_loader_bytes,
				  PTWALK_LOADER_BYTES_SIZE, &walk->fds, sizeof(walk->fds));
	if (!err) {
		*step = PAGE_WALK_MAP;
		err = map_values(walk);
	}
	if (!err) {
		*step = PAGE_WALK_FIND_BASE;
		err = find_base(walk);
	}
	if (err) {
		page_walk_destroy(walk);
		return err;
	}
	*ret = walk;
	return 0;
}

void page_walk_destroy(struct page_walk *walk)
{
	if (!walk)
		return;
	if (walk->index)
		munmap(walk->index, sizeof(*walk->index));
	if (walk->tables)
		munmap(walk->tables, sizeof(*walk->tables));
#define CLOSE_MAP(name) close_fd(walk->fds.maps.name.fd);
#define CLOSE_PROGRAM(name) close_fd(walk->fds.programs.name.fd);
	PTWALK_MAPS(CLOSE_MAP)
	PTWALK_PROGRAMS(CLOSE_PROGRAM)
	free(walk);
}

int page_walk_next(struct page_walk *walk, pid_t pid, uint64_t *task, uint64_t start,
		   uint64_t end, uint64_t *next, size_t *nr)
{
	struct ptwalk_args args = {
		.space = walk->space, .pid = (uint32_t)pid, .task = *task,
		.start = start, .end = end,
	};
	int err = bpf_program_run(walk->fds.programs.walk.fd, &args, sizeof(args));

	*task = args.task;
	if (err)
		return err;
	walk->nr_failed += args.nr_failed;
	*next = args.next;
	*nr = args.nr_entries;
	return 0;
}

const struct ptwalk_entry *page_walk_entries(const struct page_walk *walk)
{
	return walk->index->entries;
}

const uint64_t *page_walk_table(const struct page_walk *walk, uint64_t table)
{
	return walk->tables->tables[table & (PTWALK_NR_TABLES - 1)];
}

uint64_t page_walk_nr_failed(const struct page_walk *walk)
{
	return walk->nr_failed;
}

static uint64_t mapped_size(const struct ptwalk_entry *entry)
{
	switch (entry->va & PTWALK_KIND) {
	case PTWALK_PUD:
		return 1ULL << PUD_SHIFT;
	case PTWALK_PMD:
		return 1ULL << PMD_SHIFT;
	default:
		return 1ULL << PTE_SHIFT;
	}
}

static int lookup_some(struct page_walk *walk, pid_t pid, uint64_t *task, const uint64_t *addrs,
		       size_t nr, uint64_t *entries, uint64_t *sizes)
{
	struct ptwalk_args args = {
		.space = walk->space, .pid = (uint32_t)pid, .task = *task,
		.nr_lookups = (uint32_t)nr,
	};
	struct ptwalk_entry *index = walk->index->entries;
	int err;

	for (size_t i = 0; i < nr; i++)
		index[i].va = addrs[i] & ~PTWALK_KIND;
	err = bpf_program_run(walk->fds.programs.lookup.fd, &args, sizeof(args));
	*task = args.task;
	if (err)
		return err;
	walk->nr_failed += args.nr_failed;
	for (size_t i = 0; i < nr; i++) {
		entries[i] = index[i].value;
		if (sizes)
			sizes[i] = mapped_size(&index[i]);
	}
	return 0;
}

int page_walk_lookup(struct page_walk *walk, pid_t pid, uint64_t *task, const uint64_t *addrs,
		     size_t nr, uint64_t *entries, uint64_t *sizes)
{
	int err = 0;

	for (size_t done = 0; done < nr && !err; done += PTWALK_NR_ENTRIES) {
		size_t some = nr - done < PTWALK_NR_ENTRIES ? nr - done : PTWALK_NR_ENTRIES;

		err = lookup_some(walk, pid, task, addrs + done, some, entries + done,
				  sizes ? sizes + done : NULL);
	}
	return err;
}

ssize_t page_walk_processes(struct page_walk *walk, const struct ptwalk_process **ret,
			    size_t *nr_left_out)
{
	struct ptwalk_list_args args = { 0 };
	int err = bpf_program_run(walk->fds.programs.list_processes.fd, &args, sizeof(args));

	if (err)
		return err;
	*ret = walk->tables->processes;
	*nr_left_out = args.nr_left_out;
	return (ssize_t)args.nr;
}

uint64_t page_walk_frame(const struct page_walk *walk, uint64_t entry)
{
	/* The kernel stores the frames of inaccessible pages inverted (L1TF). */
	if (!(entry & PTE_PRESENT))
		entry = ~entry;
	return (entry & walk->space.phys_mask) >> PTE_SHIFT;
}

uint64_t page_walk_user_end(const struct page_walk *walk)
{
	return 1ULL << (walk->space.levels == 5 ? 56 : 47);
}
