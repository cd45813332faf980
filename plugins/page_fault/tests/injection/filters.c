// SPDX-License-Identifier: Apache-2.0
/*
 * filters SEED NR
 *
 * Makes up NR seccomp filters, and asks of each both the kernel, by making a call under it, and
 * our interpreter what becomes of that call.  Prints "same N", N those that the kernel took.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "seccomp_filter.h"

#define PREFIX 2
#define BODY 24
#define NR_INSNS (PREFIX + BODY + 2)
#define ASKED SYS_sched_get_priority_max	/* takes any arguments, changes nothing */

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

static const uint16_t CODES[] = {
	BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_IMM, BPF_LD | BPF_W | BPF_LEN,
	BPF_LD | BPF_MEM, BPF_LDX | BPF_IMM, BPF_LDX | BPF_MEM, BPF_LDX | BPF_W | BPF_LEN,
	BPF_ST, BPF_STX, BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA,
	BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_SUB | BPF_X, BPF_ALU | BPF_MUL | BPF_K,
	BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_AND | BPF_K,
	BPF_ALU | BPF_OR | BPF_X, BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_LSH | BPF_K,
	BPF_ALU | BPF_RSH | BPF_K, BPF_ALU | BPF_LSH | BPF_X, BPF_ALU | BPF_RSH | BPF_X,
	BPF_ALU | BPF_NEG,
	BPF_JMP | BPF_JA, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JEQ | BPF_X,
};

static uint32_t operand_of(uint16_t code, uint32_t left)
{
	if (BPF_CLASS(code) == BPF_LD && BPF_MODE(code) == BPF_ABS)
		return 4 * draw(sizeof(struct seccomp_data) / 4);
	if (code == (BPF_JMP | BPF_JA))
		return draw(left);
	if (BPF_MODE(code) == BPF_MEM || BPF_CLASS(code) == BPF_ST || BPF_CLASS(code) == BPF_STX)
		return draw(BPF_MEMWORDS);
	if (BPF_CLASS(code) == BPF_ALU)
		return 1 + draw(31);
	return draw(2) ? draw(8) : (uint32_t)state;
}

/* Other calls pass; the one asked about ends with ERRNO or ALLOW. */
static void make_up(struct sock_filter *filter)
{
	size_t at = 0;

	filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ASKED, 0, BODY + 1);
	for (uint32_t i = 0; i < BODY; i++) {
		uint16_t code = CODES[draw(sizeof(CODES) / sizeof(*CODES))];
		uint32_t left = BODY - i;

		if (draw(8) == 0)
			code = BPF_RET | BPF_K;
		filter[at++] = (struct sock_filter){
			.code = code,
			.jt = draw(left),
			.jf = draw(left),
			.k = code == (BPF_RET | BPF_K) ?
				     (uint32_t)(SECCOMP_RET_ERRNO | (1 + draw(100))) :
				     operand_of(code, left),
		};
	}
	filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 101);
	filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

static const struct seccomp_data CALL = {
	.nr = ASKED, .arch = AUDIT_ARCH_X86_64, .args = { 1, 2, 3, 0x100000004, 5, 6 },
};

/* The errno that the kernel gives; -1 if it does not take the filter. */
static int ask_kernel(struct sock_filter *filter)
{
	struct sock_fprog program = { NR_INSNS, filter };
	pid_t child = fork();
	int status;

	if (!child) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(255);
		errno = 0;
		syscall(ASKED, 1, 2, 3, 0x100000004, 5, 6);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return !WIFEXITED(status) ? -2 : WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

/* The result must not depend on the instruction pointer, which we cannot foretell here. */
static int depends_on_ip(const struct sock_filter *filter)
{
	for (size_t i = 0; i < NR_INSNS; i++) {
		if (filter[i].code == (BPF_LD | BPF_W | BPF_ABS) && (filter[i].k == 8 || filter[i].k == 12))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int nr = argc > 2 ? atoi(argv[2]) : 0, nr_taken = 0;
	struct sock_filter filter[NR_INSNS];

	state = argc > 1 ? strtoull(argv[1], NULL, 10) * 2 + 1 : 1;
	for (int i = 0; i < 64; i++)
		draw(1);
	for (int i = 0; i < nr; i++) {
		uint32_t ours;
		int theirs;

		make_up(filter);
		theirs = depends_on_ip(filter) ? -1 : ask_kernel(filter);
		if (theirs == -1)
			continue;
		nr_taken++;
		ours = seccomp_filter_run(filter, NR_INSNS, &CALL);
		/* A division by zero ends a filter with 0, which kills. */
		if (theirs == -2 ? ours >> 31 : (ours & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO &&
						     (int)(ours & 0xffff) == theirs)
			continue;
		printf("filter %d: kernel %d, ours %#x\n", i, theirs, ours);
		return 1;
	}
	printf("same %d\n", nr_taken);
	return 0;
}
