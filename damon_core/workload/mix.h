/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The random numbers of a workload: a function of a seed and a position, so
 * that a reader of the log can draw the same ones again (damon_core/draws.py).
 */
#ifndef TOUCHER_MIX_H
#define TOUCHER_MIX_H

#include <stdbool.h>
#include <stdint.h>

/* The output function of splitmix64 (Steele, Lea, Flood, 2014). */
static inline uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* A number below nr, which must be below 2^32. */
static inline uint64_t mix_below(uint64_t x, uint64_t nr)
{
	return ((mix64(x) >> 32) * nr) >> 32;
}

/* Is page number page in the subset of this seed that holds permille of 1000 pages? */
static inline bool mix_in_subset(uint64_t seed, uint64_t page, unsigned int permille)
{
	return mix_below(seed + page, 1000) < permille;
}

#endif
