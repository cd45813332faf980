/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded, full-width random numbers: xoshiro256** (Blackman, Vigna 2018), seeded
 * by splitmix64; one generator per context, so runs can be repeated.
 */
#ifndef DAMON_RAND_H
#define DAMON_RAND_H

#include <stdint.h>

struct damon_rand {
	uint64_t s[4];
};

static inline uint64_t damon_rand_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t damon_rand_next(struct damon_rand *r)
{
	uint64_t *s = r->s;
	uint64_t ret = damon_rand_rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = damon_rand_rotl(s[3], 45);
	return ret;
}

static inline void damon_rand_init(struct damon_rand *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = (seed += 0x9e3779b97f4a7c15ULL);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		r->s[i] = z ^ (z >> 31);
	}
}

/* Uniform in [@lo, @hi), @lo < @hi: Lemire's multiply and reject, unbiased. */
static inline uint64_t damon_rand_between(struct damon_rand *r, uint64_t lo, uint64_t hi)
{
	uint64_t range = hi - lo, reject_below = -range % range;
	unsigned __int128 product;

	do {
		product = (unsigned __int128)damon_rand_next(r) * range;
	} while ((uint64_t)product < reject_below);
	return lo + (uint64_t)(product >> 64);
}

#endif
