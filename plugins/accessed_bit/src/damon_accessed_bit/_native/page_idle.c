// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include "idle_bitmap.h"
#include "page_idle.h"
#include "page_words.h"
#include "samples.h"

/* 1 GiB of 4 KiB pages: no folio is larger. */
#define MAX_FOLIO_ORDER 18

struct page_idle {
	int bitmap_fd;
	int kpageflags_fd;
	struct samples samples;
	struct idle_mark *marks;	/* one for each sample at most */
	size_t nr_marks;
	uint64_t *index;		/* scratch, one for each sample */
	uint64_t *words;
	size_t cap;
};

struct page_idle *page_idle_create(int bitmap_fd, int kpageflags_fd, uint64_t page_size)
{
	struct page_idle *idle = calloc(1, sizeof(*idle));

	if (!idle)
		return NULL;
	idle->bitmap_fd = bitmap_fd;
	idle->kpageflags_fd = kpageflags_fd;
	samples_init(&idle->samples, page_size);
	return idle;
}

void page_idle_destroy(struct page_idle *idle)
{
	if (!idle)
		return;
	samples_deinit(&idle->samples);
	free(idle->marks);
	free(idle->index);
	free(idle->words);
	free(idle);
}

void page_idle_reset(struct page_idle *idle)
{
	samples_reset(&idle->samples);
	idle->nr_marks = 0;
}

static int page_idle_reserve(struct page_idle *idle)
{
	size_t cap = idle->samples.cap;

	if (idle->cap >= cap)
		return 0;
	free(idle->marks);
	free(idle->index);
	free(idle->words);
	idle->marks = calloc(cap, sizeof(*idle->marks));
	idle->index = calloc(cap, sizeof(*idle->index));
	idle->words = calloc(cap, sizeof(*idle->words));
	idle->cap = idle->marks && idle->index && idle->words ? cap : 0;
	return idle->cap ? 0 : -ENOMEM;
}

static uint64_t page_number(const struct page_idle *idle, const struct sample *sample)
{
	return sample->addr / idle->samples.page_size;
}

/* Page frames of a process's pages; those that are not present stay absent. */
static int find_frames(struct page_idle *idle, int pagemap_fd, struct sample *samples, size_t nr)
{
	int err;

	for (size_t i = 0; i < nr; i++)
		idle->index[i] = page_number(idle, &samples[i]);
	err = page_words_read(pagemap_fd, idle->index, nr, idle->words);
	for (size_t i = 0; i < nr; i++) {
		if (!(idle->words[i] & PAGEMAP_PRESENT))
			continue;
		samples[i].pfn = idle->words[i] & PAGEMAP_PFN_MASK;
		samples[i].state = SAMPLE_CANNOT_TELL;
	}
	return err;
}

int page_idle_add(struct page_idle *idle, int pagemap_fd, int32_t pid, const uint64_t *addrs,
		  size_t nr)
{
	size_t first = idle->samples.nr;
	int err = samples_add(&idle->samples, pagemap_fd, pid, addrs, nr);

	if (!err)
		err = page_idle_reserve(idle);
	if (err)
		return err;
	if (pagemap_fd >= 0)
		return find_frames(idle, pagemap_fd, idle->samples.array + first, nr);
	for (size_t i = first; i < idle->samples.nr; i++) {
		struct sample *sample = &idle->samples.array[i];

		sample->pfn = page_number(idle, sample);
		sample->state = SAMPLE_CANNOT_TELL;
	}
	return 0;
}

static int read_flags(struct page_idle *idle, const struct idle_mark *marks, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		idle->index[i] = marks[i].pfn;
	return page_words_read(idle->kpageflags_fd, idle->index, nr, idle->words);
}

/* The first frame of the folio that @pfn is a later one of; @pfn itself if it is not found. */
static uint64_t folio_head(const struct page_idle *idle, uint64_t pfn)
{
	for (unsigned int order = 1; order <= MAX_FOLIO_ORDER; order++) {
		uint64_t head = pfn & ~((1ULL << order) - 1), flags;

		if (head == pfn)
			continue;
		if (page_words_read(idle->kpageflags_fd, &head, 1, &flags))
			break;
		if (flags & KPF_COMPOUND_HEAD)
			return head;
		if (!(flags & KPF_COMPOUND_TAIL))
			break;
	}
	return pfn;
}

static bool is_folio_mark(const struct idle_mark *mark)
{
	return mark->pfn != mark->sample->pfn;
}

/*
 * Marks idle marks[0..nr).  Those that were taken come first then, @armed says
 * how many; later frames of large folios become marks of the first frame.
 */
static int mark_round(struct page_idle *idle, struct idle_mark *marks, size_t nr, size_t *armed)
{
	int err;

	*armed = 0;
	idle_bitmap_sort(marks, nr);
	err = idle_bitmap_write(idle->bitmap_fd, marks, nr);
	if (!err)
		err = read_flags(idle, marks, nr);
	if (err)
		return err;
	for (size_t i = 0; i < nr; i++) {
		struct idle_mark mark = marks[i];
		uint64_t flags = idle->words[i];

		if (flags & KPF_IDLE) {
			mark.sample->state = SAMPLE_ARMED;
			marks[i] = marks[*armed];
			marks[(*armed)++] = mark;
		} else if (flags & KPF_COMPOUND_TAIL) {
			marks[i].pfn = folio_head(idle, mark.pfn);
		} else if (flags & KPF_BUDDY) {
			mark.sample->state = SAMPLE_ABSENT;
		}
	}
	return 0;
}

static size_t keep_folio_marks(struct idle_mark *marks, size_t nr)
{
	size_t kept = 0;

	for (size_t i = 0; i < nr; i++) {
		if (is_folio_mark(&marks[i]))
			marks[kept++] = marks[i];
	}
	return kept;
}

int page_idle_mark(struct page_idle *idle)
{
	struct idle_mark *marks = idle->marks;
	size_t nr = 0, armed, folios, armed_folios = 0;
	int err;

	for (size_t i = 0; i < idle->samples.nr; i++) {
		struct sample *sample = &idle->samples.array[i];

		if (sample->state == SAMPLE_CANNOT_TELL)
			marks[nr++] = (struct idle_mark){ .pfn = sample->pfn, .sample = sample };
	}
	err = mark_round(idle, marks, nr, &armed);
	if (err)
		return err;
	folios = keep_folio_marks(marks + armed, nr - armed);
	if (folios)
		err = mark_round(idle, marks + armed, folios, &armed_folios);
	idle->nr_marks = armed + armed_folios;
	if (armed_folios)
		idle_bitmap_sort(marks, idle->nr_marks);
	return err;
}

/* Keeps the marks that the bitmap shows as not idle any more. */
static int keep_unset(struct page_idle *idle)
{
	size_t kept = 0;
	int err = idle_bitmap_read(idle->bitmap_fd, idle->marks, idle->nr_marks);

	if (err)
		return err;
	for (size_t i = 0; i < idle->nr_marks; i++) {
		if (idle->marks[i].is_set)
			idle->marks[i].sample->state = SAMPLE_IDLE;
		else
			idle->marks[kept++] = idle->marks[i];
	}
	idle->nr_marks = kept;
	return 0;
}

/*
 * The bitmap also shows 0 for a page that it may not look at: reclaim or
 * compaction has taken it off the LRU lists, or it was freed.  Accessed is one
 * whose idle flag is really gone, and which is still the same page: a physical
 * one is on the lists, a mapped one is (as the pagemap will say) mapped where it was.
 */
static bool was_accessed(const struct idle_mark *mark, uint64_t flags)
{
	if (flags & KPF_IDLE)
		return false;
	if (is_folio_mark(mark) && !(flags & KPF_COMPOUND_HEAD))
		return false;
	return mark->sample->fd >= 0 || flags & KPF_LRU;
}

/* A page that is no longer mapped where it was says nothing about the address. */
static int drop_moved(struct page_idle *idle, struct sample *samples, size_t nr)
{
	size_t nr_words = 0, word = 0;
	int err;

	for (size_t i = 0; i < nr; i++) {
		if (samples[i].state == SAMPLE_ACCESSED)
			idle->index[nr_words++] = page_number(idle, &samples[i]);
	}
	err = page_words_read(samples[0].fd, idle->index, nr_words, idle->words);
	for (size_t i = 0; i < nr; i++) {
		uint64_t entry;

		if (samples[i].state != SAMPLE_ACCESSED)
			continue;
		entry = idle->words[word++];
		if (!(entry & PAGEMAP_PRESENT) || (entry & PAGEMAP_PFN_MASK) != samples[i].pfn)
			samples[i].state = SAMPLE_CANNOT_TELL;
	}
	return err;
}

int page_idle_check(struct page_idle *idle)
{
	struct sample *samples = idle->samples.array;
	size_t nr = idle->samples.nr, len;
	int err = keep_unset(idle);

	if (!err)
		err = read_flags(idle, idle->marks, idle->nr_marks);
	if (err)
		return err;
	for (size_t i = 0; i < idle->nr_marks; i++)
		idle->marks[i].sample->state = was_accessed(&idle->marks[i], idle->words[i]) ?
						       SAMPLE_ACCESSED : SAMPLE_CANNOT_TELL;
	for (; nr && !err; samples += len, nr -= len) {
		len = samples_process_len(samples, nr);
		if (samples[0].fd >= 0)
			err = drop_moved(idle, samples, len);
	}
	return err;
}

size_t page_idle_nr_cannot_tell(const struct page_idle *idle)
{
	return samples_count(&idle->samples, SAMPLE_CANNOT_TELL);
}

size_t page_idle_report(struct page_idle *idle, void *slots, size_t nr)
{
	return samples_report(&idle->samples, slots, nr);
}
