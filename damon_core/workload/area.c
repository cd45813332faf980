// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "area.h"

#define HUGE_SIZE (2ul << 20)
#define CHUNK_SIZE (64ul << 10)

static const char *const kind_names[NR_AREA_KINDS] = {
	[AREA_ANON] = "anon",
	[AREA_ANON_4K] = "anon_4k",
	[AREA_ANON_THP] = "anon_thp",
	[AREA_SHMEM] = "shmem",
	[AREA_MEMFD] = "memfd",
	[AREA_FILE_PRIVATE] = "file_private",
	[AREA_FILE_SHARED] = "file_shared",
};

int area_kind_parse(const char *text, enum area_kind *ret)
{
	for (int i = 0; i < NR_AREA_KINDS; i++) {
		if (!strcmp(text, kind_names[i])) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *area_kind_name(enum area_kind kind)
{
	return kind_names[kind];
}

bool area_is_file(const struct area *area)
{
	return area->kind == AREA_FILE_PRIVATE || area->kind == AREA_FILE_SHARED;
}

bool area_is_shared(const struct area *area)
{
	return area->kind == AREA_SHMEM || area->kind == AREA_MEMFD ||
		area->kind == AREA_FILE_SHARED;
}

bool area_can_resize(const struct area *area, size_t size)
{
	return size <= area->size && !area_is_shared(area) && !area_is_file(area);
}

/* A file of real blocks: a hole would be filled by the first touch of each page. */
static int write_whole(int fd, size_t size)
{
	static const char chunk[CHUNK_SIZE] = { 1 };

	for (size_t done = 0; done < size;) {
		size_t nr = size - done < CHUNK_SIZE ? size - done : CHUNK_SIZE;
		ssize_t written = write(fd, chunk, nr);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0)
			done += written;
	}
	return 0;
}

static int file_open(const struct area *area)
{
	char path[4096];
	int fd, rc;

	rc = snprintf(path, sizeof(path), "%s/damon-toucher.XXXXXX", area->file_path);
	if (rc >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	rc = write_whole(fd, area->map_size);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

static int memfd_open(const struct area *area)
{
	int fd = memfd_create("damon-toucher", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, area->map_size)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int backing_open(const struct area *area)
{
	if (area_is_file(area))
		return file_open(area);
	return area->kind == AREA_MEMFD ? memfd_open(area) : -1;
}

static int map_flags(enum area_kind kind)
{
	switch (kind) {
	case AREA_SHMEM:
		return MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
	case AREA_MEMFD:
	case AREA_FILE_SHARED:
		return MAP_SHARED;
	case AREA_FILE_PRIVATE:
		return MAP_PRIVATE | MAP_NORESERVE;
	default:
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	}
}

/* Map whole huge pages: cut the ends off a mapping that is one huge page longer. */
static char *map_huge(size_t size)
{
	char *raw = mmap(NULL, size + HUGE_SIZE, PROT_READ | PROT_WRITE,
			 map_flags(AREA_ANON_THP), -1, 0);
	size_t head;

	if (raw == MAP_FAILED)
		return raw;
	head = -(uintptr_t)raw & (HUGE_SIZE - 1);
	if (head)
		munmap(raw, head);
	if (head < HUGE_SIZE)
		munmap(raw + head + size, HUGE_SIZE - head);
	return raw + head;
}

static int load(struct area *area)
{
	size_t done = 0;
	int fd = open(area->load_path, O_RDONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	while (done < area->size) {
		ssize_t nr = read(fd, area->base + done, area->size - done);

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr < 0)
			rc = -errno;
		if (nr <= 0)
			break;
		done += nr;
	}
	close(fd);
	return rc;
}

static size_t whole_pages(const struct area *area, size_t size)
{
	size_t unit = area->kind == AREA_ANON_THP ? HUGE_SIZE : (size_t)sysconf(_SC_PAGESIZE);

	return (size + unit - 1) & ~(unit - 1);
}

/* A kernel without huge pages refuses both, and gives what was asked or small pages. */
static void advise(const struct area *area, char *start, size_t size)
{
	if (area->kind == AREA_ANON_4K)
		madvise(start, size, MADV_NOHUGEPAGE);
	if (area->kind == AREA_ANON_THP)
		madvise(start, size, MADV_HUGEPAGE);
}

int area_map(struct area *area, const char **what)
{
	int fd;

	area->map_size = whole_pages(area, area->size);
	*what = "make the file behind it";
	fd = backing_open(area);
	if (fd < -1)
		return fd;
	*what = "map it";
	if (area->kind == AREA_ANON_THP)
		area->base = map_huge(area->map_size);
	else
		area->base = mmap(NULL, area->map_size, PROT_READ | PROT_WRITE,
				  map_flags(area->kind), fd, 0);
	if (area->base == MAP_FAILED)
		return -errno;
	if (fd >= 0)
		close(fd);
	area->mapped = area->map_size;
	advise(area, area->base, area->map_size);
	*what = "load its initial content";
	return area->load_path ? load(area) : 0;
}

static int grow(struct area *area, size_t size)
{
	char *end = area->base + area->mapped;
	char *at = mmap(end, size - area->mapped, PROT_READ | PROT_WRITE,
			map_flags(area->kind) | MAP_FIXED_NOREPLACE, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	if (at != end) {	/* a kernel that does not know the flag */
		munmap(at, size - area->mapped);
		return -EEXIST;
	}
	advise(area, end, size - area->mapped);
	return 0;
}

int area_resize(struct area *area, size_t size)
{
	int rc = 0;

	size = whole_pages(area, size);
	if (size > area->mapped)
		rc = grow(area, size);
	else if (size < area->mapped && munmap(area->base + size, area->mapped - size))
		rc = -errno;
	if (!rc)
		area->mapped = size;
	return rc;
}

void area_populate(struct area *area, size_t offset, size_t page_size)
{
	volatile char *base = area->base;

	for (size_t at = offset; at < area->mapped; at += page_size) {
		if (area_is_file(area))
			(void)base[at];
		else
			base[at] = base[at];
	}
}
