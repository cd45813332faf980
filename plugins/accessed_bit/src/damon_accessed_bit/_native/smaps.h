/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /proc/PID/smaps: which mappings hold referenced pages. */
#ifndef SMAPS_H
#define SMAPS_H

#include <stddef.h>
#include <stdint.h>

/**
 * smaps_report() - one report for each mapping with Referenced above 0 kB
 * @text: of @len bytes; ends with a newline
 * @pos: where to go on in @text; 0 at first
 * @slots: struct damon_access_report, room for @nr; NULL only counts
 *
 * A report covers its whole mapping.
 *
 * Return: how many reports; fewer than @nr when @text is done.
 */
size_t smaps_report(const char *text, size_t len, size_t *pos, int32_t pid, void *slots,
		    size_t nr);

#endif
