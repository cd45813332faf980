/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many different pages of processes have been accessed.
 *
 * Exact up to a number of pages; then only every second, fourth, ... of all pages
 * is kept, chosen by a hash of its address, and stands for the others: memory stays
 * bounded, and the error below a per cent.
 */
#ifndef PAGE_FAULT_PAGE_SET_H
#define PAGE_FAULT_PAGE_SET_H

#include <stddef.h>
#include <stdint.h>
#include <damon/report.h>

struct page_set;

/* Keeps up to @max_pages (at least 1) pages.  NULL: no memory. */
struct page_set *page_set_create(uint64_t page_size, size_t max_pages);
void page_set_destroy(struct page_set *set);

/* 0, or -ENOMEM: then pages are missing. */
int page_set_add(struct page_set *set, const struct damon_access_report *reports, size_t nr);
uint64_t page_set_size(const struct page_set *set);

#endif
