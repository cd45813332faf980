// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mappings.h"

/* More is no guard page but address space that somebody has reserved. */
#define MAX_GUARD_SIZE (1 << 20)

static int append(struct mappings *maps, const struct mapping *mapping)
{
	if (maps->nr == maps->cap) {
		size_t cap = maps->cap ? 2 * maps->cap : 256;
		struct mapping *array = reallocarray(maps->array, cap, sizeof(*array));

		if (!array)
			return -ENOMEM;
		maps->array = array;
		maps->cap = cap;
	}
	maps->array[maps->nr++] = *mapping;
	return 0;
}

static bool parse(const char *line, struct mapping *mapping)
{
	uint64_t inode;
	char perms[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %" SCNu64 " %n", &mapping->start,
		   &mapping->end, perms, &inode, &at) != 4)
		return false;
	mapping->readable = perms[0] == 'r';
	mapping->writable = perms[1] == 'w';
	mapping->executable = perms[2] == 'x';
	mapping->private_anonymous = perms[3] == 'p' && !inode;
	mapping->main_stack = !strncmp(line + at, "[stack]", strlen("[stack]"));
	return true;
}

int mappings_read(struct mappings *maps, pid_t tid)
{
	char path[64], *line = NULL;
	struct mapping mapping;
	size_t size = 0;
	FILE *file;
	int err = 0;

	*maps = (struct mappings){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && getline(&line, &size, file) > 0) {
		if (parse(line, &mapping))
			err = append(maps, &mapping);
	}
	if (!err && !maps->nr)
		err = -ESRCH;	/* the memory of a process that has ended */
	free(line);
	fclose(file);
	return err;
}

void mappings_deinit(struct mappings *maps)
{
	free(maps->array);
	*maps = (struct mappings){ 0 };
}

const struct mapping *mappings_find(const struct mappings *maps, uint64_t addr)
{
	for (size_t i = 0; i < maps->nr; i++) {
		if (addr < maps->array[i].end)
			return addr >= maps->array[i].start ? &maps->array[i] : NULL;
	}
	return NULL;
}

const struct mapping *mappings_main_stack(const struct mappings *maps)
{
	for (size_t i = 0; i < maps->nr; i++) {
		if (maps->array[i].main_stack)
			return &maps->array[i];
	}
	return NULL;
}

bool mappings_has_guard(const struct mappings *maps, const struct mapping *mapping)
{
	const struct mapping *below = mapping - 1;

	return mapping > maps->array && below->end == mapping->start && below->private_anonymous &&
	       !below->readable && !below->writable && !below->executable &&
	       below->end - below->start <= MAX_GUARD_SIZE;
}
