// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "frames.h"

#define NR_KEPT 64			/* files, by the lowest bits of the process id */
#define PRESENT (1ULL << 63)
#define FRAME_MASK ((1ULL << 55) - 1)

struct pagemap {
	int32_t pid;			/* 0: none */
	int fd;
};

struct frames {
	uint64_t page_size;
	struct pagemap kept[NR_KEPT];
};

struct frames *frames_create(uint64_t page_size)
{
	struct frames *frames = calloc(1, sizeof(*frames));

	if (frames)
		frames->page_size = page_size;
	return frames;
}

static void forget(struct pagemap *pagemap)
{
	if (pagemap->pid)
		close(pagemap->fd);
	pagemap->pid = 0;
}

void frames_destroy(struct frames *frames)
{
	if (!frames)
		return;
	for (size_t i = 0; i < NR_KEPT; i++)
		forget(&frames->kept[i]);
	free(frames);
}

static int open_pagemap(struct pagemap *pagemap, int32_t pid)
{
	char path[32];

	forget(pagemap);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pagemap->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pagemap->fd < 0)
		return -1;
	pagemap->pid = pid;
	return 0;
}

/* The entry of a page, 0 if there is none. */
static uint64_t read_entry(struct pagemap *pagemap, int32_t pid, off_t at)
{
	uint64_t entry;

	if (pid <= 0)
		return 0;
	if (pagemap->pid == pid && pread(pagemap->fd, &entry, sizeof(entry), at) == sizeof(entry))
		return entry;
	/* Another process, or other memory since it has called exec. */
	if (open_pagemap(pagemap, pid) ||
	    pread(pagemap->fd, &entry, sizeof(entry), at) != sizeof(entry))
		return 0;
	return entry;
}

size_t frames_find(struct frames *frames, struct damon_access_report *reports, size_t nr)
{
	size_t nr_found = 0;

	for (size_t i = 0; i < nr; i++) {
		struct damon_access_report r = reports[i];
		off_t at = r.vaddr / frames->page_size * sizeof(uint64_t);
		uint64_t entry = read_entry(&frames->kept[(uint32_t)r.pid % NR_KEPT], r.pid, at);

		/* Frame 0 is what those see who may not know. */
		if (!(entry & PRESENT) || !(entry & FRAME_MASK))
			continue;
		r.paddr = (entry & FRAME_MASK) * frames->page_size + r.vaddr % frames->page_size;
		r.flags |= DAMON_REPORT_HAS_PADDR;
		reports[nr_found++] = r;
	}
	return nr_found;
}
