/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mappings of a process, from the text of /proc/PID/maps.
 *
 * Lines are taken as the kernel gives them, in chunks, however they straddle
 * the reads; of a name only its beginning is looked at, so no length matters.
 * [vsyscall] is left out: it lies in the kernel's half and is no mapping of the
 * process.
 */
#ifndef DAMON_MAPS_H
#define DAMON_MAPS_H

#include <stddef.h>
#include <stdint.h>

enum damon_mapping_flag {
	DAMON_MAPPING_READ = 1 << 0,
	DAMON_MAPPING_WRITE = 1 << 1,
	DAMON_MAPPING_EXEC = 1 << 2,
	DAMON_MAPPING_SHARED = 1 << 3,
};

enum damon_mapping_kind {
	DAMON_MAPPING_ANON,
	DAMON_MAPPING_FILE,
	DAMON_MAPPING_HEAP,
	DAMON_MAPPING_STACK,
	DAMON_MAPPING_VDSO,
	DAMON_MAPPING_VVAR,
	DAMON_MAPPING_OTHER,		/* any other name in brackets */
	DAMON_MAPPING_DEVICE,		/* pages of a device or of the kernel */
};

struct damon_mapping {
	uint64_t start;
	uint64_t end;
	uint64_t inode;
	uint32_t flags;
	uint32_t kind;
};

struct damon_maps;

/* Reads from fd, which stays the caller's.  NULL: no memory. */
struct damon_maps *damon_maps_create(int fd);
void damon_maps_destroy(struct damon_maps *maps);

/*
 * The next mappings, up to cap; how many, 0 at the end, or a negative errno:
 * that of read(), or -EBADMSG for a line that is none of /proc/PID/maps.
 */
int64_t damon_maps_next(struct damon_maps *maps, struct damon_mapping *mappings, size_t cap);

#endif
