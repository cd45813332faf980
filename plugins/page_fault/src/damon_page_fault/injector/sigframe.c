// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <cpuid.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include "sigframe.h"

/* Layout and values are the kernel's: asm/sigcontext.h, asm/ucontext.h. */
#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4
#define MAGIC1 0x46505853
#define MAGIC2 0x46505845
#define SW_RESERVED_AT 464		/* in the area that FXSAVE leaves to software */
#define XSTATE_BV_AT 512
#define XSTATE_HEADER_END 576
#define XFEATURE_TILE_DATA 18		/* of AMX: only for who asked for it */
#define NO_SUCH_MODE 3			/* the kernel then leaves the alternate stack as it is */

struct sw_reserved {
	uint32_t magic1;
	uint32_t extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size;
	uint32_t padding[7];
};

struct ucontext_64 {
	uint64_t flags;
	uint64_t link;
	uint64_t altstack_sp;
	uint32_t altstack_flags;
	uint32_t altstack_padding;
	uint64_t altstack_size;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate;
	uint64_t reserved[8];
	uint64_t sigmask;
};

/* rt_sigreturn looks for the context where the words in front of it end. */
struct way_home {
	uint64_t words[GADGETS_MAX_WORDS];
	struct ucontext_64 uc;
};

struct layout {
	struct way_home to_exit;
	struct way_home to_context;
};

#define XSTATE_AT ((sizeof(struct layout) + 63) & ~63UL)

_Static_assert(sizeof(struct ucontext_64) == 304, "not the layout of the kernel");

size_t sigframe_size(const struct context *context)
{
	return XSTATE_AT + context->xstate_size + sizeof(uint32_t);
}

/* The features that the processor saves in this system. */
static uint64_t enabled_xfeatures(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

/* The size of a thread's area unless it was granted tile data. */
static uint32_t default_xstate_size(void)
{
	uint64_t features = enabled_xfeatures() & ~(1ULL << XFEATURE_TILE_DATA);
	uint32_t max = XSTATE_HEADER_END, size, offset, flags, reserved;

	for (uint32_t i = 2; i < 63; i++) {
		if (!(features >> i & 1))
			continue;
		__cpuid_count(0xd, i, size, offset, flags, reserved);
		if (offset + size > max)
			max = offset + size;
	}
	return max;
}

static bool has_tile_data(const uint8_t *xstate)
{
	uint64_t present;

	memcpy(&present, xstate + XSTATE_BV_AT, sizeof(present));
	return present >> XFEATURE_TILE_DATA & 1;
}

/*
 * Kernels differ in where they look for the second magic number: behind the size
 * that is stated, or behind the size of this thread's area.  It is at both; else
 * the vector registers would be cleared instead of restored.
 */
static void fill_xstate(uint8_t *xstate, uint32_t size)
{
	uint32_t stated = default_xstate_size(), magic2 = MAGIC2;
	struct sw_reserved sw = { .magic1 = MAGIC1 };

	if (stated > size || has_tile_data(xstate))
		stated = size;
	memcpy(&sw.xfeatures, xstate + SW_RESERVED_AT, sizeof(sw.xfeatures));
	sw.xstate_size = stated;
	sw.extended_size = stated + sizeof(magic2);
	memcpy(xstate + SW_RESERVED_AT, &sw, sizeof(sw));
	memcpy(xstate + stated, &magic2, sizeof(magic2));
	memcpy(xstate + size, &magic2, sizeof(magic2));
}

static struct ucontext_64 ucontext_of(const struct context *context)
{
	const struct user_regs_struct *regs = &context->regs;

	return (struct ucontext_64){
		.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
		.altstack_flags = NO_SUCH_MODE,
		.r8 = regs->r8, .r9 = regs->r9, .r10 = regs->r10, .r11 = regs->r11,
		.r12 = regs->r12, .r13 = regs->r13, .r14 = regs->r14, .r15 = regs->r15,
		.rdi = regs->rdi, .rsi = regs->rsi, .rbp = regs->rbp, .rbx = regs->rbx,
		.rdx = regs->rdx, .rax = regs->rax, .rcx = regs->rcx, .rsp = regs->rsp,
		.rip = regs->rip, .eflags = regs->eflags,
		.cs = regs->cs, .ss = regs->ss,
		.sigmask = context->sigmask,
	};
}

/* Just enough registers to make the call; its vector registers are cleared. */
static struct ucontext_64 ucontext_of_exit(const struct context *context,
					   const struct gadgets *gadgets)
{
	struct ucontext_64 uc = ucontext_of(context);

	uc.rax = SYS_exit;
	uc.rdi = 0;
	uc.rip = gadgets->syscall_ret;
	uc.sigmask = ~0ULL;
	return uc;
}

/* The offset in it at which the thread has to `ret`. */
static size_t set_words(struct way_home *way, const struct gadgets *gadgets)
{
	uint64_t words[GADGETS_MAX_WORDS];
	size_t nr = gadgets_way_home(gadgets, words), first = GADGETS_MAX_WORDS - nr;

	memcpy(way->words + first, words, nr * sizeof(*words));
	return first * sizeof(*words);
}

void sigframe_build(struct sigframe *frame, const struct context *context,
		    const struct gadgets *gadgets, uint64_t addr)
{
	struct layout layout = { 0 };

	layout.to_exit.uc = ucontext_of_exit(context, gadgets);
	layout.to_context.uc = ucontext_of(context);
	layout.to_context.uc.fpstate = addr + XSTATE_AT;
	frame->exit_sp = addr + offsetof(struct layout, to_exit) +
			 set_words(&layout.to_exit, gadgets);
	frame->sp = addr + offsetof(struct layout, to_context) +
		    set_words(&layout.to_context, gadgets);
	frame->size = sigframe_size(context);

	memset(frame->bytes, 0, sizeof(frame->bytes));
	memcpy(frame->bytes, &layout, sizeof(layout));
	memcpy(frame->bytes + XSTATE_AT, context->xstate, context->xstate_size);
	fill_xstate(frame->bytes + XSTATE_AT, context->xstate_size);
}
