// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "cold.h"
#include "page_words.h"
#include "samples.h"

#define MAX_IOVECS 1024		/* of one system call: the kernel's UIO_MAXIOV */

struct cold {
	struct page_walk *walk;
	int pidfd;
	int32_t pid;
	int kpageflags_fd;
	int kpagecount_fd;
	uint64_t task;
	struct samples samples;
	size_t nr_advised;
	/* Scratch, one for each sample. */
	uint64_t *addrs;
	uint64_t *entries;
	uint64_t *sizes;
	struct sample **chosen;
	struct iovec *iovecs;
	size_t cap;
};

struct cold *cold_create(struct page_walk *walk, int pidfd, int32_t pid, int kpageflags_fd,
			 int kpagecount_fd, uint64_t page_size)
{
	struct cold *cold = calloc(1, sizeof(*cold));

	if (!cold)
		return NULL;
	cold->walk = walk;
	cold->pidfd = pidfd;
	cold->pid = pid;
	cold->kpageflags_fd = kpageflags_fd;
	cold->kpagecount_fd = kpagecount_fd;
	samples_init(&cold->samples, page_size);
	return cold;
}

static void free_scratch(struct cold *cold)
{
	free(cold->addrs);
	free(cold->entries);
	free(cold->sizes);
	free(cold->chosen);
	free(cold->iovecs);
}

void cold_destroy(struct cold *cold)
{
	if (!cold)
		return;
	samples_deinit(&cold->samples);
	free_scratch(cold);
	free(cold);
}

static int cold_reserve(struct cold *cold)
{
	size_t cap = cold->samples.cap;

	if (cold->cap >= cap)
		return 0;
	free_scratch(cold);
	cold->addrs = calloc(cap, sizeof(*cold->addrs));
	cold->entries = calloc(cap, sizeof(*cold->entries));
	cold->sizes = calloc(cap, sizeof(*cold->sizes));
	cold->chosen = calloc(cap, sizeof(*cold->chosen));
	cold->iovecs = calloc(cap, sizeof(*cold->iovecs));
	cold->cap = cold->addrs && cold->entries && cold->sizes && cold->chosen && cold->iovecs ?
			    cap : 0;
	return cold->cap ? 0 : -ENOMEM;
}

/* Choose the samples in one state; how many. */
static size_t choose(struct cold *cold, enum sample_state state)
{
	size_t nr = 0;

	for (size_t i = 0; i < cold->samples.nr; i++) {
		if (cold->samples.array[i].state == state)
			cold->chosen[nr++] = &cold->samples.array[i];
	}
	return nr;
}

/* Read the entries and sizes of the chosen samples' mappings. */
static int look_up(struct cold *cold, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		cold->addrs[i] = cold->chosen[i]->addr;
	return page_walk_lookup(cold->walk, cold->pid, &cold->task, cold->addrs, nr,
				cold->entries, cold->sizes);
}

/* The page frame of the i-th chosen sample, by its entry. */
static uint64_t frame(const struct cold *cold, size_t i)
{
	return page_walk_frame(cold->walk, cold->entries[i]) +
	       (cold->chosen[i]->addr & (cold->sizes[i] - 1)) / cold->samples.page_size;
}

static bool is_young(const struct cold *cold, size_t i)
{
	return cold->entries[i] & PTE_ACCESSED;
}

/* Arms what is clear already; the rest, if present, is CANNOT_TELL so far. */
static int find_pages(struct cold *cold)
{
	size_t nr = choose(cold, SAMPLE_ABSENT);
	int err = look_up(cold, nr);

	if (err)
		return err;
	for (size_t i = 0; i < nr; i++) {
		if (!cold->entries[i])
			continue;
		cold->chosen[i]->pfn = frame(cold, i);
		cold->chosen[i]->state = is_young(cold, i) ? SAMPLE_CANNOT_TELL : SAMPLE_ARMED;
	}
	return 0;
}

static long process_madvise_cold(int pidfd, const struct iovec *iovecs, size_t nr)
{
	long ret = syscall(SYS_process_madvise, pidfd, iovecs, nr, MADV_COLD, 0);

	return ret < 0 ? -errno : ret;
}

/* How many whole iovecs @size bytes are. */
static size_t whole_iovecs(const struct iovec *iovecs, size_t nr, size_t size)
{
	size_t whole = 0;

	while (whole < nr && size >= iovecs[whole].iov_len)
		size -= iovecs[whole++].iov_len;
	return whole;
}

/*
 * The kernel stops at the first range that it refuses (locked or hugetlb memory,
 * or no mapping any more): go on behind it.  Whether a page was cleared is read
 * back anyway.
 */
static int advise(struct cold *cold, size_t nr)
{
	const struct iovec *iovecs = cold->iovecs;
	size_t done;

	cold->nr_advised = nr;
	for (; nr; iovecs += done, nr -= done) {
		size_t some = nr < MAX_IOVECS ? nr : MAX_IOVECS;
		long size = process_madvise_cold(cold->pidfd, iovecs, some);

		if (size == -ESRCH || size == -EPERM || size == -ENOSYS || size == -EBADF)
			return (int)size;
		done = whole_iovecs(iovecs, some, size < 0 ? 0 : (size_t)size);
		if (done < some) {
			done++;
			cold->nr_advised--;
		}
	}
	return 0;
}

/* One range for each mapping that has chosen samples; how many.  Needs look_up(). */
static size_t fill_iovecs(struct cold *cold, size_t nr)
{
	uint64_t end = 0;
	size_t nr_iovecs = 0;

	for (size_t i = 0; i < nr; i++) {
		uint64_t start = cold->addrs[i] & ~(cold->sizes[i] - 1);

		if (!is_young(cold, i) || start < end)
			continue;
		end = start + cold->sizes[i];
		cold->iovecs[nr_iovecs++] = (struct iovec){
			.iov_base = (void *)(uintptr_t)start,
			.iov_len = cold->sizes[i],
		};
	}
	return nr_iovecs;
}

/*
 * A page whose bit is set right after it was cleared has been accessed again,
 * if it is of a kind that the kernel clears: on an LRU list, mapped once, and
 * not a part of a large folio.
 */
static bool can_be_cleared(const struct cold *cold, size_t i)
{
	uint64_t pfn = page_walk_frame(cold->walk, cold->entries[i]), flags, count;

	if (cold->kpageflags_fd < 0 || cold->kpagecount_fd < 0 ||
	    page_words_read(cold->kpageflags_fd, &pfn, 1, &flags) ||
	    page_words_read(cold->kpagecount_fd, &pfn, 1, &count))
		return false;
	if (!(flags & KPF_LRU) || flags & (KPF_UNEVICTABLE | KPF_MLOCKED | KPF_HUGE) || count != 1)
		return false;
	return cold->sizes[i] > cold->samples.page_size ||
	       !(flags & (KPF_COMPOUND_HEAD | KPF_COMPOUND_TAIL));
}

int cold_clear(struct cold *cold, const uint64_t *addrs, size_t nr)
{
	int err;

	samples_reset(&cold->samples);
	cold->nr_advised = 0;
	err = samples_add(&cold->samples, cold->pidfd, cold->pid, addrs, nr);
	if (!err)
		err = cold_reserve(cold);
	if (!err)
		err = find_pages(cold);
	if (err)
		return err;
	nr = choose(cold, SAMPLE_CANNOT_TELL);
	err = look_up(cold, nr);
	if (!err)
		err = advise(cold, fill_iovecs(cold, nr));
	if (!err)
		err = look_up(cold, nr);
	if (err)
		return err;
	for (size_t i = 0; i < nr; i++) {
		if (!cold->entries[i] || frame(cold, i) != cold->chosen[i]->pfn)
			continue;
		if (!is_young(cold, i) || can_be_cleared(cold, i))
			cold->chosen[i]->state = SAMPLE_ARMED;
	}
	return 0;
}

int cold_check(struct cold *cold)
{
	size_t nr = choose(cold, SAMPLE_ARMED);
	int err = look_up(cold, nr);

	if (err)
		return err;
	for (size_t i = 0; i < nr; i++) {
		struct sample *sample = cold->chosen[i];

		if (!cold->entries[i] || frame(cold, i) != sample->pfn)
			sample->state = SAMPLE_CANNOT_TELL;
		else
			sample->state = is_young(cold, i) ? SAMPLE_ACCESSED : SAMPLE_IDLE;
	}
	return 0;
}

size_t cold_nr_cannot_tell(const struct cold *cold)
{
	return samples_count(&cold->samples, SAMPLE_CANNOT_TELL);
}

size_t cold_nr_advised(const struct cold *cold)
{
	return cold->nr_advised;
}

size_t cold_report(struct cold *cold, void *slots, size_t nr)
{
	return samples_report(&cold->samples, slots, nr);
}

int cold_may_advise(int pidfd)
{
	long ret = process_madvise_cold(pidfd, NULL, 0);

	return ret < 0 ? (int)ret : 0;
}
