// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "checks.h"

#define NR_WORDS (1 << 15)

struct counters *counters;

void expect(int holds)
{
	if (!holds)
		counters->errors++;
}

void expect_call(long ret)
{
	if (ret < 0 && errno == EINTR)
		counters->eintr++;
	else
		expect(ret >= 0 || errno == EAGAIN || errno == ETIMEDOUT);
}

void hold_registers(void)
{
	static const uint64_t PATTERN[8] __attribute__((aligned(64))) = {
		0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444,
		0x5555555555555555, 0x6666666666666666, 0x7777777777777777, 0x8888888888888888,
	};
	uint64_t seen[4][8] __attribute__((aligned(64)));
	uint64_t general = 0;
	uint32_t mxcsr = 0x1f80 | 0x6000, mxcsr_after = 0, mxcsr_default = 0x1f80;

	__asm__ volatile(
		"ldmxcsr %[mxcsr]\n\t"
		"vmovdqa (%[pattern]), %%ymm0\n\t"
		"vmovdqa 32(%[pattern]), %%ymm7\n\t"
		"vmovdqa (%[pattern]), %%ymm8\n\t"
		"vmovdqa 32(%[pattern]), %%ymm15\n\t"
		"mov $0x1234567812345678, %%r8\n\t"
		"mov %%r8, %%r9\n\t"
		"mov %%r8, %%r10\n\t"
		"mov %%r8, %%r11\n\t"
		"mov %%r8, %%rcx\n\t"
		"mov %%r8, %%rdx\n\t"
		"mov $30000, %%eax\n\t"
		"1: dec %%eax\n\t"
		"jnz 1b\n\t"
		"sub %%r8, %%r9\n\t"
		"sub %%r8, %%r10\n\t"
		"sub %%r8, %%r11\n\t"
		"sub %%r8, %%rcx\n\t"
		"sub %%r8, %%rdx\n\t"
		"or %%r9, %%r10\n\t"
		"or %%r10, %%r11\n\t"
		"or %%r11, %%rcx\n\t"
		"or %%rcx, %%rdx\n\t"
		"mov %%rdx, %[general]\n\t"
		"vmovdqa %%ymm0, (%[seen])\n\t"
		"vmovdqa %%ymm7, 64(%[seen])\n\t"
		"vmovdqa %%ymm8, 128(%[seen])\n\t"
		"vmovdqa %%ymm15, 192(%[seen])\n\t"
		"stmxcsr %[after]\n\t"
		"ldmxcsr %[normal]\n\t"
		: [general] "=m"(general), [after] "=m"(mxcsr_after)
		: [pattern] "r"(PATTERN), [seen] "r"(seen), [mxcsr] "m"(mxcsr),
		  [normal] "m"(mxcsr_default)
		: "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm7", "xmm8", "xmm15",
		  "memory", "cc");
	expect(!general && mxcsr_after == mxcsr);
	for (int i = 0; i < 4; i++)
		expect(!memcmp(seen[i], i % 2 ? PATTERN + 4 : PATTERN, 32));
}

void compute(void)
{
	static const double EXPECTED = 0x1.62e42fefa39efp-1;	/* ln 2 */
	volatile double x = 0.5;
	uint64_t sum = 0;

	for (int i = 0; i < 30; i++)	/* Newton's method for e^x = 2 */
		x = x - 1 + 2 * exp(-x);
	expect(fabs(x - EXPECTED) < 1e-15);
	for (uint64_t i = 0; i < 1000; i++)
		sum += i * i;
	expect(sum == 332833500);
}

static void write_and_check(uint64_t *words, uint64_t round)
{
	for (size_t i = 0; i < NR_WORDS; i++)
		words[i] = i * 0x9e3779b97f4a7c15 + round;
	for (size_t i = 0; i < NR_WORDS; i++)
		expect(words[i] == i * 0x9e3779b97f4a7c15 + round);
}

void *check_memory(void *unused)
{
	uint64_t *words = malloc(NR_WORDS * sizeof(*words));

	(void)unused;
	for (uint64_t round = 0;; round++) {
		write_and_check(words, round);
		counters->rounds++;
	}
	return NULL;
}

static stack_t alternate;

void set_alternate_stack(void)
{
	alternate.ss_size = 64 << 10;
	alternate.ss_sp = malloc(alternate.ss_size);
	expect(!sigaltstack(&alternate, NULL));
}

void check_alternate_stack(void)
{
	stack_t now;

	expect(!sigaltstack(NULL, &now));
	expect(now.ss_sp == alternate.ss_sp && now.ss_size == alternate.ss_size && !now.ss_flags);
}
