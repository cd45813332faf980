// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <stdbool.h>
#include <string.h>
#include <damon/report.h>
#include "monotonic.h"
#include "smaps.h"

static const char referenced[] = "Referenced:";

/* Reads lower-case hexadecimal digits; *text is left behind them. */
static uint64_t read_hex(const char **text, const char *end)
{
	uint64_t value = 0;

	for (; *text < end; (*text)++) {
		char c = **text;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	return value;
}

/* "start-end perms ...": the first line of a mapping.  Names of fields start in upper case. */
static bool read_mapping(const char *line, const char *end, uint64_t *start, uint64_t *stop)
{
	const char *text = line;
	uint64_t first = read_hex(&text, end);

	if (text == line || text == end || *text != '-')
		return false;
	text++;
	*start = first;
	*stop = read_hex(&text, end);
	return true;
}

/* "Referenced:      123 kB", with anything but 0. */
static bool is_referenced(const char *line, const char *end)
{
	const size_t name_len = sizeof(referenced) - 1;

	if ((size_t)(end - line) < name_len || memcmp(line, referenced, name_len))
		return false;
	for (line += name_len; line < end; line++) {
		if (*line >= '1' && *line <= '9')
			return true;
	}
	return false;
}

size_t smaps_report(const char *text, size_t len, size_t *pos, int32_t pid, void *slots,
		    size_t nr)
{
	struct damon_access_report *reports = slots;
	uint64_t start = 0, stop = 0, now = monotonic_ns();
	size_t filled = 0;

	while (*pos < len && filled < nr) {
		const char *line = text + *pos;
		const char *end = memchr(line, '\n', len - *pos);

		if (!end)
			end = text + len - 1;
		*pos = (size_t)(end - text) + 1;
		if (read_mapping(line, end, &start, &stop) || !is_referenced(line, end) ||
		    stop <= start)
			continue;
		if (reports)
			reports[filled] = (struct damon_access_report){
				.vaddr = start,
				.size = stop - start,
				.time_ns = now,
				.pid = pid,
				.weight = 1,
				.flags = DAMON_REPORT_HAS_VADDR,
			};
		filled++;
	}
	return filled;
}
