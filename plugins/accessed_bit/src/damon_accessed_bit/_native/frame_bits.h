/* SPDX-License-Identifier: Apache-2.0 */
/* A bitmap over all page frames of the machine that knows where it is not empty. */
#ifndef FRAME_BITS_H
#define FRAME_BITS_H

#include <stddef.h>
#include <stdint.h>

struct frame_bits;

/* NULL: no memory.  Memory is taken as it is written to. */
struct frame_bits *frame_bits_create(uint64_t nr_frames);
void frame_bits_destroy(struct frame_bits *bits);
void frame_bits_clear(struct frame_bits *bits);

/* Frames that do not exist are left out; returns whether all of them do. */
int frame_bits_set(struct frame_bits *bits, uint64_t frame, uint64_t nr);
/* Clear in @bits all that @other has; returns how many that were. */
uint64_t frame_bits_subtract(struct frame_bits *bits, const struct frame_bits *other);

/**
 * frame_bits_next() - the next part that is not empty
 * @at: frame where to go on, 0 at first
 * @nr_words: out: of 64 frames, 0 if there is no more
 *
 * Return: the words; the first is of the frames *@at - 64 * *@nr_words and up.
 */
const uint64_t *frame_bits_next(const struct frame_bits *bits, uint64_t *at, uint64_t *nr_words);

#endif
