/* SPDX-License-Identifier: Apache-2.0 */
/* An area: one mapping of a chosen kind of memory, which the patterns touch. */
#ifndef TOUCHER_AREA_H
#define TOUCHER_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum area_kind {
	AREA_ANON,		/* anonymous, huge pages as the system decides */
	AREA_ANON_4K,
	AREA_ANON_THP,
	AREA_SHMEM,
	AREA_MEMFD,
	AREA_FILE_PRIVATE,
	AREA_FILE_SHARED,
	NR_AREA_KINDS,
};

struct area {
	char *name;		/* as it stands in JSON */
	char *load_path;	/* what to fill it with, or NULL */
	char *file_path;	/* folder of the file behind it, or NULL */
	enum area_kind kind;
	bool populate;
	size_t size;		/* bytes to be touched */
	char *base;
	size_t map_size;	/* whole pages, or whole huge pages */
	size_t mapped;		/* of these, from base on, what is mapped now */
};

/* -EINVAL: no such kind. */
int area_kind_parse(const char *text, enum area_kind *ret);
const char *area_kind_name(enum area_kind kind);

/* Map it, and fill it from load_path.  On error *what says which step failed. */
int area_map(struct area *area, const char **what);
/* Make every page present from byte offset on; file pages are read, so that they stay the file's. */
void area_populate(struct area *area, size_t offset, size_t page_size);
bool area_is_file(const struct area *area);
/* Is its memory that of all processes which have it from the same parent? */
bool area_is_shared(const struct area *area);
/* Only anonymous private memory, and not beyond its size. */
bool area_can_resize(const struct area *area, size_t size);
/*
 * Map or unmap memory at its end, so that the pages of size bytes are mapped.  -EEXIST:
 * something else lies there by now.
 */
int area_resize(struct area *area, size_t size);

#endif
