// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "monotonic.h"
#include "samples.h"

void samples_init(struct samples *samples, uint64_t page_size)
{
	memset(samples, 0, sizeof(*samples));
	samples->page_size = page_size;
}

void samples_deinit(struct samples *samples)
{
	free(samples->array);
	samples->array = NULL;
	samples->nr = samples->cap = 0;
}

void samples_reset(struct samples *samples)
{
	samples->nr = 0;
	samples->reported = 0;
}

static int samples_reserve(struct samples *samples, size_t nr)
{
	size_t cap = samples->cap ? samples->cap : 1024;
	struct sample *array;

	while (cap < samples->nr + nr)
		cap *= 2;
	if (cap == samples->cap)
		return 0;
	array = realloc(samples->array, cap * sizeof(*array));
	if (!array)
		return -ENOMEM;
	samples->array = array;
	samples->cap = cap;
	return 0;
}

int samples_add(struct samples *samples, int fd, int32_t pid, const uint64_t *addrs, size_t nr)
{
	int err = samples_reserve(samples, nr);

	if (err)
		return err;
	for (size_t i = 0; i < nr; i++) {
		samples->array[samples->nr++] = (struct sample){
			.addr = addrs[i] & ~(samples->page_size - 1),
			.pid = pid,
			.fd = fd,
			.state = SAMPLE_ABSENT,
		};
	}
	return 0;
}

size_t samples_process_len(const struct sample *samples, size_t nr)
{
	size_t len = 1;

	while (len < nr && samples[len].fd == samples[0].fd)
		len++;
	return len;
}

size_t samples_count(const struct samples *samples, enum sample_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < samples->nr; i++)
		count += samples->array[i].state == state;
	return count;
}

size_t samples_report(struct samples *samples, struct damon_access_report *slots, size_t nr)
{
	uint64_t now = monotonic_ns();
	size_t filled = 0;

	for (; samples->reported < samples->nr && filled < nr; samples->reported++) {
		const struct sample *sample = &samples->array[samples->reported];
		bool is_virtual = sample->fd >= 0;

		if (sample->state != SAMPLE_ACCESSED)
			continue;
		if (slots)
			slots[filled] = (struct damon_access_report){
				.paddr = sample->pfn * samples->page_size,
				.vaddr = is_virtual ? sample->addr : 0,
				.size = samples->page_size,
				.time_ns = now,
				.pid = sample->pid,
				.weight = 1,
				.flags = DAMON_REPORT_HAS_PADDR |
					 (is_virtual ? DAMON_REPORT_HAS_VADDR : 0),
			};
		filled++;
	}
	return filled;
}
