// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "footprint.h"

#define FIRST_SHIFT 12
#define LAST_SHIFT 63
#define FIRST_SLOTS (1U << 12)
#define MAX_PROCESSES (1U << 15)	/* of two blocks each at the least, so that these fit */
#define NR_PID_SLOTS (2 * MAX_PROCESSES)
#define NO_PROCESS UINT32_MAX

struct damon_footprint {
	bool physical;
	unsigned int shift;
	uint64_t nr_untold;
	struct damon_footprint_process *processes;
	uint32_t *pids;			/* hash table of indices in processes, from 1 */
	uint32_t nr_processes;
	struct damon_footprint_block *blocks;	/* hash table, half of it in use at most */
	size_t nr_blocks, nr_slots, max_slots;
};

static inline uint64_t hash_of(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15ULL;
	return x ^ x >> 32;
}

struct damon_footprint *damon_footprint_create(size_t max_blocks, bool physical)
{
	struct damon_footprint *fp = calloc(1, sizeof(*fp));

	if (!fp)
		return NULL;
	if (max_blocks < 4 * MAX_PROCESSES)
		max_blocks = 4 * MAX_PROCESSES;
	fp->physical = physical;
	fp->shift = FIRST_SHIFT;
	fp->nr_slots = FIRST_SLOTS;
	fp->max_slots = 2 * max_blocks;
	fp->processes = calloc(MAX_PROCESSES, sizeof(*fp->processes));
	fp->pids = calloc(NR_PID_SLOTS, sizeof(*fp->pids));
	fp->blocks = calloc(fp->nr_slots, sizeof(*fp->blocks));
	if (fp->processes && fp->pids && fp->blocks)
		return fp;
	damon_footprint_destroy(fp);
	return NULL;
}

void damon_footprint_destroy(struct damon_footprint *fp)
{
	if (!fp)
		return;
	free(fp->processes);
	free(fp->pids);
	free(fp->blocks);
	free(fp);
}

/* The index of a process, a new one if there is room for it. */
static uint32_t process_of(struct damon_footprint *fp, int32_t pid)
{
	uint32_t at = hash_of((uint32_t)pid) & (NR_PID_SLOTS - 1);

	for (; fp->pids[at]; at = (at + 1) & (NR_PID_SLOTS - 1))
		if (fp->processes[fp->pids[at] - 1].pid == pid)
			return fp->pids[at] - 1;
	if (fp->nr_processes == MAX_PROCESSES)
		return NO_PROCESS;
	fp->processes[fp->nr_processes].pid = pid;
	fp->pids[at] = ++fp->nr_processes;
	return fp->nr_processes - 1;
}

/* True if it is new. */
static bool put_block(struct damon_footprint_block *blocks, size_t nr_slots, uint64_t block,
		      uint32_t process)
{
	size_t at = hash_of(block + ((uint64_t)process << 40)) & (nr_slots - 1);

	for (; blocks[at].used; at = (at + 1) & (nr_slots - 1))
		if (blocks[at].block == block && blocks[at].process == process)
			return false;
	blocks[at] = (struct damon_footprint_block){ block, process, 1 };
	return true;
}

/* Put all blocks into a table of @nr_slots, each as one of 2^@shift times its size. */
static int rehash(struct damon_footprint *fp, size_t nr_slots, unsigned int shift)
{
	struct damon_footprint_block *blocks = calloc(nr_slots, sizeof(*blocks));

	if (!blocks)
		return -ENOMEM;
	fp->nr_blocks = 0;
	for (size_t i = 0; i < fp->nr_slots; i++)
		if (fp->blocks[i].used)
			fp->nr_blocks += put_block(blocks, nr_slots, fp->blocks[i].block >> shift,
						   fp->blocks[i].process);
	free(fp->blocks);
	fp->blocks = blocks;
	fp->nr_slots = nr_slots;
	fp->shift += shift;
	return 0;
}

/* Make room: for more blocks if that may be, else by larger ones. */
static int make_room(struct damon_footprint *fp)
{
	if (fp->nr_slots < fp->max_slots)
		return rehash(fp, 2 * fp->nr_slots, 0);
	while (fp->nr_blocks > fp->nr_slots / 4 && fp->shift < LAST_SHIFT)
		if (rehash(fp, fp->nr_slots, 1))
			return -ENOMEM;
	return 0;
}

int damon_footprint_add(struct damon_footprint *fp, const struct damon_access_report *reports,
			size_t nr)
{
	uint64_t last_block = UINT64_MAX;
	uint32_t process = NO_PROCESS, last_process = NO_PROCESS;
	int32_t pid = 0;

	for (const struct damon_access_report *r = reports; r != reports + nr; r++) {
		uint64_t block = (fp->physical ? r->paddr : r->vaddr) >> fp->shift;

		if (process == NO_PROCESS || r->pid != pid) {
			pid = r->pid;
			process = process_of(fp, pid);
		}
		if (process == NO_PROCESS) {
			fp->nr_untold++;
			if (!fp->physical)
				continue;
		} else {
			fp->processes[process].nr_reports++;
			fp->processes[process].weight += r->weight;
		}
		if (block == last_block && (fp->physical || process == last_process))
			continue;
		last_block = block;
		last_process = process;
		fp->nr_blocks += put_block(fp->blocks, fp->nr_slots, block,
					   fp->physical ? 0 : process);
		if (fp->nr_blocks >= fp->nr_slots / 2) {
			if (make_room(fp))
				return -ENOMEM;
			last_block = UINT64_MAX;
		}
	}
	return 0;
}

unsigned int damon_footprint_shift(const struct damon_footprint *fp)
{
	return fp->shift;
}

uint64_t damon_footprint_nr_untold(const struct damon_footprint *fp)
{
	return fp->nr_untold;
}

size_t damon_footprint_nr_processes(const struct damon_footprint *fp)
{
	return fp->nr_processes;
}

size_t damon_footprint_nr_blocks(const struct damon_footprint *fp)
{
	return fp->nr_blocks;
}

void damon_footprint_processes(const struct damon_footprint *fp,
			       struct damon_footprint_process *ret)
{
	memcpy(ret, fp->processes, fp->nr_processes * sizeof(*ret));
}

void damon_footprint_blocks(const struct damon_footprint *fp, struct damon_footprint_block *ret)
{
	for (size_t i = 0; i < fp->nr_slots; i++)
		if (fp->blocks[i].used)
			*ret++ = fp->blocks[i];
}
