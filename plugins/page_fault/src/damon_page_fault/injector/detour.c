// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include "detour.h"
#include "inspection.h"
#include "memory.h"
#include "rseq.h"
#include "stack_room.h"

#define STOP_NS 1000000000ULL		/* longer than a busy machine takes to schedule it */
#define MAX_TRIES 8			/* to stop it outside of a restartable sequence */
#define ALL_SIGNALS (~0ULL)

struct detour *detour_create(void)
{
	struct detour *detour = calloc(1, sizeof(*detour));

	if (detour)
		detour->call = -1;
	return detour;
}

void detour_destroy(struct detour *detour)
{
	if (!detour)
		return;
	mappings_deinit(&detour->maps);
	free(detour);
}

static int find(struct detour *detour, pid_t tid)
{
	int err = mappings_read(&detour->maps, tid);

	return err ? err : gadgets_find(&detour->gadgets, tid, &detour->maps);
}

/* Signals that come first go their way. */
static int interrupt(struct tracee *thread)
{
	enum tracee_stop stop;
	int err;

	thread->deadline_ns = tracee_now_ns() + STOP_NS;
	err = tracee_interrupt(thread);
	if (!err)
		err = tracee_wait(thread, &stop);
	while (!err && stop != TRACEE_TRAPPED) {
		err = tracee_continue(thread, false);
		if (!err)
			err = tracee_wait(thread, &stop);
	}
	return err;
}

static int stop(struct detour *detour)
{
	struct tracee *thread = &detour->thread;

	for (int i = 0; i < MAX_TRIES; i++) {
		int err;

		detour->interrupted_ns = tracee_now_ns();
		err = interrupt(thread);
		if (!err)
			err = tracee_get_context(thread, &detour->own);
		if (err || !rseq_is_inside(thread->tid, detour->own.regs.rip))
			return err;
		err = tracee_continue(thread, false);
		if (err)
			return err;
	}
	return -EAGAIN;
}

static int find_room(struct detour *detour)
{
	return stack_room_find(&detour->frame_addr, sigframe_size(&detour->own), detour->pid,
			       detour->thread.tid, &detour->maps, &detour->own.regs);
}

static int write_frame(struct detour *detour)
{
	struct context context = detour->own;
	pid_t tid = detour->thread.tid;
	int err;

	/* rt_sigreturn restarts nothing. */
	if (detour->interruption == INTERRUPTION_RESTARTED ||
	    detour->interruption == INTERRUPTION_REPEATED)
		interruption_repeat(&context.regs);
	sigframe_build(&detour->frame, &context, &detour->gadgets, detour->frame_addr);
	err = memory_read(tid, detour->frame_addr, detour->before, detour->frame.size);
	if (err)
		return err;
	detour->wrote = true;
	return memory_write(tid, detour->frame_addr, detour->frame.bytes, detour->frame.size);
}

/* First on its way home, then deaf: it must not be deaf in its own context, ever. */
static int leave(struct detour *detour)
{
	struct user_regs_struct regs = detour->own.regs;
	int err = write_frame(detour);

	if (err)
		return err;
	regs.rip = gadgets_ret(&detour->gadgets);
	regs.rsp = detour->frame.sp;
	regs.orig_rax = -1;
	detour->away = true;
	err = tracee_set_regs(&detour->thread, &regs);
	return err ? err : tracee_set_sigmask(&detour->thread, ALL_SIGNALS);
}

static void understand_interruption(struct detour *detour, bool signal_pending)
{
	detour->interruption = interruption_of(&detour->own.regs, signal_pending);
	if (detour->interruption != INTERRUPTION_NONE)
		detour->call = detour->own.regs.orig_rax;
}

int detour_begin(struct detour *detour, pid_t pid, pid_t tid, int pidfd, const struct call *calls,
		 size_t nr_calls)
{
	struct tracee *thread = &detour->thread;
	struct inspection inspection = { 0 };
	int err;

	detour->pid = pid;
	detour->stage = STAGE_FIND;
	err = find(detour, tid);
	if (err)
		return err;
	detour->stage = STAGE_SEIZE;
	err = tracee_seize(thread, tid);
	if (err)
		return err;
	detour->stage = STAGE_STOP;
	err = stop(detour);
	if (err)
		return err;
	detour->stage = STAGE_INSPECT;
	err = inspection_make(&inspection, pid, tid, pidfd, &detour->gadgets);
	if (err)
		return err;
	understand_interruption(detour, inspection.signal_pending);
	detour->stage = STAGE_SECCOMP;
	err = inspection_ask_seccomp(&inspection, tid, &detour->gadgets, calls, nr_calls);
	if (err)
		return err;
	detour->stage = STAGE_STACK;
	err = find_room(detour);
	if (err)
		return err;
	detour->stage = STAGE_LEAVE;
	err = tracee_set_options(thread);
	if (!err)
		err = leave(detour);
	thread->deadline_ns = tracee_now_ns() + STOP_NS;
	return err;
}

/* The other way round than leave(), and for the same reason. */
static int come_back(struct detour *detour)
{
	struct user_regs_struct regs = detour->own.regs;
	int err = tracee_set_sigmask(&detour->thread, detour->own.sigmask);

	if (detour->interruption == INTERRUPTION_REPEATED)
		interruption_repeat(&regs);
	return err ? err : tracee_set_regs(&detour->thread, &regs);
}

int detour_end(struct detour *detour)
{
	struct tracee *thread = &detour->thread;
	int err = 0;

	if (!thread->tid)
		return 0;
	/* A call that broke off would spoil registers set now: it finds home from there. */
	if (detour->stack_in_use)
		return thread->stopped ? tracee_detach(thread) : 0;
	if (!thread->stopped)
		err = interrupt(thread);
	if (err)
		return err;	/* the end of this process lets it go, and it finds home */
	if (detour->away)
		err = come_back(detour);
	if (!err && detour->wrote && !detour->stack_in_use)
		err = memory_write(thread->tid, detour->frame_addr, detour->before,
				   detour->frame.size);
	return err ? err : tracee_detach(thread);
}
