// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "frame_bits.h"

#define BLOCK_WORDS	64		/* a block is 4096 frames: 16 MiB of memory */
#define BLOCK_FRAMES	(64 * BLOCK_WORDS)

/* @used: one byte per block: it has a bit set, or had since it was cleared. */
struct frame_bits {
	uint64_t nr_frames;
	uint64_t nr_blocks;
	uint64_t *words;
	uint8_t *used;
};

struct frame_bits *frame_bits_create(uint64_t nr_frames)
{
	struct frame_bits *bits = calloc(1, sizeof(*bits));

	if (!bits)
		return NULL;
	bits->nr_frames = nr_frames;
	bits->nr_blocks = (nr_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
	bits->used = calloc(bits->nr_blocks + 1, 1);
	bits->words = calloc(bits->nr_blocks + 1, BLOCK_WORDS * sizeof(*bits->words));
	if (!bits->used || !bits->words) {
		frame_bits_destroy(bits);
		return NULL;
	}
	return bits;
}

void frame_bits_destroy(struct frame_bits *bits)
{
	if (!bits)
		return;
	free(bits->words);
	free(bits->used);
	free(bits);
}

void frame_bits_clear(struct frame_bits *bits)
{
	for (uint64_t i = 0; i < bits->nr_blocks; i++)
		if (bits->used[i])
			memset(bits->words + i * BLOCK_WORDS, 0,
			       BLOCK_WORDS * sizeof(*bits->words));
	memset(bits->used, 0, bits->nr_blocks);
}

int frame_bits_set(struct frame_bits *bits, uint64_t frame, uint64_t nr)
{
	if (frame >= bits->nr_frames || nr > bits->nr_frames - frame)
		return 0;
	for (uint64_t i = frame; i < frame + nr; i++) {
		bits->words[i / 64] |= 1ULL << (i % 64);
		bits->used[i / BLOCK_FRAMES] = 1;
	}
	return 1;
}

uint64_t frame_bits_subtract(struct frame_bits *bits, const struct frame_bits *other)
{
	uint64_t nr = 0;

	for (uint64_t i = 0; i < bits->nr_blocks * BLOCK_WORDS; i++) {
		if (!bits->used[i / BLOCK_WORDS] || !other->used[i / BLOCK_WORDS])
			continue;
		nr += (uint64_t)__builtin_popcountll(bits->words[i] & other->words[i]);
		bits->words[i] &= ~other->words[i];
	}
	return nr;
}

const uint64_t *frame_bits_next(const struct frame_bits *bits, uint64_t *at, uint64_t *nr_words)
{
	uint64_t first = *at / BLOCK_FRAMES, last;

	while (first < bits->nr_blocks && !bits->used[first])
		first++;
	for (last = first; last < bits->nr_blocks && bits->used[last]; last++)
		;
	*at = last * BLOCK_FRAMES;
	*nr_words = (last - first) * BLOCK_WORDS;
	return bits->words + first * BLOCK_WORDS;
}
