// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include "seccomp_filter.h"

#define MAX_INSTRUCTIONS 4096	/* BPF_MAXINSNS */
#define BROKEN SECCOMP_RET_KILL_PROCESS

struct machine {
	uint32_t a;
	uint32_t x;
	uint32_t memory[BPF_MEMWORDS];
	bool failed;
};

static uint32_t load_call(struct machine *machine, const struct seccomp_data *call, uint32_t at)
{
	uint32_t value = 0;

	if (at > sizeof(*call) - sizeof(value)) {
		machine->failed = true;
		return 0;
	}
	memcpy(&value, (const char *)call + at, sizeof(value));
	return value;
}

static uint32_t *memory_word(struct machine *machine, uint32_t at)
{
	machine->failed |= at >= BPF_MEMWORDS;
	return &machine->memory[at % BPF_MEMWORDS];
}

static uint32_t load(struct machine *machine, const struct sock_filter *insn,
		     const struct seccomp_data *call)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		return insn->k;
	case BPF_ABS:
		return load_call(machine, call, insn->k);
	case BPF_MEM:
		return *memory_word(machine, insn->k);
	case BPF_LEN:
		return sizeof(*call);
	}
	machine->failed = true;
	return 0;
}

static uint32_t compute(struct machine *machine, uint16_t op, uint32_t operand)
{
	uint32_t a = machine->a;

	switch (op) {
	case BPF_ADD:
		return a + operand;
	case BPF_SUB:
		return a - operand;
	case BPF_MUL:
		return a * operand;
	case BPF_DIV:
		machine->failed |= !operand;
		return operand ? a / operand : 0;
	case BPF_OR:
		return a | operand;
	case BPF_AND:
		return a & operand;
	case BPF_XOR:
		return a ^ operand;
	case BPF_LSH:
		return a << (operand & 31);
	case BPF_RSH:
		return a >> (operand & 31);
	case BPF_NEG:
		return -a;
	}
	machine->failed = true;
	return 0;
}

/* How many instructions to skip. */
static uint32_t jump(struct machine *machine, const struct sock_filter *insn, uint32_t operand)
{
	bool holds = false;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		return insn->k;
	case BPF_JEQ:
		holds = machine->a == operand;
		break;
	case BPF_JGT:
		holds = machine->a > operand;
		break;
	case BPF_JGE:
		holds = machine->a >= operand;
		break;
	case BPF_JSET:
		holds = machine->a & operand;
		break;
	default:
		machine->failed = true;
	}
	return holds ? insn->jt : insn->jf;
}

uint32_t seccomp_filter_run(const struct sock_filter *program, size_t nr,
			    const struct seccomp_data *call)
{
	struct machine machine = { 0 };

	for (uint64_t at = 0; at < nr && !machine.failed; at++) {
		const struct sock_filter *insn = &program[at];
		uint32_t operand = BPF_SRC(insn->code) == BPF_X ? machine.x : insn->k;

		switch (BPF_CLASS(insn->code)) {
		case BPF_LD:
			machine.a = load(&machine, insn, call);
			break;
		case BPF_LDX:
			machine.x = load(&machine, insn, call);
			break;
		case BPF_ST:
			*memory_word(&machine, insn->k) = machine.a;
			break;
		case BPF_STX:
			*memory_word(&machine, insn->k) = machine.x;
			break;
		case BPF_ALU:
			machine.a = compute(&machine, BPF_OP(insn->code), operand);
			break;
		case BPF_JMP:
			at += jump(&machine, insn, operand);
			break;
		case BPF_RET:
			return BPF_RVAL(insn->code) == BPF_A ? machine.a : insn->k;
		case BPF_MISC:
			if (BPF_MISCOP(insn->code) == BPF_TXA)
				machine.a = machine.x;
			else
				machine.x = machine.a;
			break;
		}
	}
	return BROKEN;
}

static bool allows(uint32_t value)
{
	uint32_t action = value & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

int seccomp_filter_ask(pid_t tid, const struct seccomp_data *call)
{
	struct sock_filter program[MAX_INSTRUCTIONS];

	for (long i = 0;; i++) {
		long nr = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, i, NULL);

		if (nr < 0)
			return errno == ENOENT && i ? 0 : errno == EACCES ? -EPERM : -errno;
		if (nr > MAX_INSTRUCTIONS)
			return -E2BIG;
		nr = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, i, program);
		if (nr < 0)
			return -errno;
		if (!allows(seccomp_filter_run(program, nr, call)))
			return -EACCES;
	}
}
