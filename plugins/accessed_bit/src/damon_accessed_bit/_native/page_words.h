/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of /proc that hold one 64-bit word per page: pagemap of a process
 * (by virtual page number), kpageflags and kpagecount (by page frame number).
 */
#ifndef PAGE_WORDS_H
#define PAGE_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PFN_MASK	((1ULL << 55) - 1)
#define PAGEMAP_EXCLUSIVE	(1ULL << 56)
#define PAGEMAP_PRESENT		(1ULL << 63)
#define KPF_LRU			(1ULL << 5)
#define KPF_BUDDY		(1ULL << 10)
#define KPF_COMPOUND_HEAD	(1ULL << 15)
#define KPF_COMPOUND_TAIL	(1ULL << 16)
#define KPF_HUGE		(1ULL << 17)	/* hugetlb */
#define KPF_UNEVICTABLE		(1ULL << 18)
#define KPF_IDLE		(1ULL << 25)
#define KPF_MLOCKED		(1ULL << 33)

/**
 * page_words_read() - read the words of some pages
 * @index: page numbers, ascending; neighbours are read with one system call
 * @words: one for each index; 0 where the file ends before it
 *
 * Return: 0, or the negative errno of the last read that failed (its words are 0).
 */
int page_words_read(int fd, const uint64_t *index, size_t nr, uint64_t *words);

#endif
