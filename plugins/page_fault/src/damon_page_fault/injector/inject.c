// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "call.h"
#include "detour.h"
#include "inject.h"

#define USER_MODE_ONLY 1	/* UFFD_USER_MODE_ONLY, which older headers lack */
#define PIDFD_THREAD O_EXCL

/* The child has no process of its own, and the thread waits until it is gone. */
#define CLONE_FLAGS (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FS | CLONE_VFORK)

static const struct call CREATE = { SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY, 0 };

static int take(int pidfd, int fd)
{
	int uffd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return uffd < 0 ? -errno : uffd;
}

static int take_from_thread(pid_t tid, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD), uffd;

	if (pidfd < 0)
		return -errno;
	uffd = take(pidfd, fd);
	close(pidfd);
	return uffd;
}

/* What @thread of the detoured process gets for a call; after it, it goes on at @sp. */
static int64_t result_of(struct detour *detour, struct tracee *thread,
			 const struct call *call, uint64_t sp)
{
	bool was_in_use = detour->stack_in_use;
	enum call_end end;
	int64_t ret;
	int err;

	detour->stack_in_use = true;	/* after an error too: the call may be under way */
	err = call_make(thread, call, &detour->gadgets, &detour->own.regs, sp, &end, &ret);
	if (err)
		return err;
	detour->stack_in_use = was_in_use;
	return ret;
}

static int64_t create_in_child(struct detour *detour, struct tracee *child)
{
	static const struct call CLOSE_ANY = { SYS_close, 0, 0 };
	uint64_t sp = detour->frame.exit_sp;
	int64_t fd = result_of(detour, child, &CREATE, sp);

	/* Its table is a copy: what is closed there stays open in the process. */
	if (fd == -EMFILE) {
		fd = result_of(detour, child, &CLOSE_ANY, sp);
		fd = fd < 0 ? -EMFILE : result_of(detour, child, &CREATE, sp);
	}
	return fd;
}

/* An uffd, or a negative errno. */
static int use_child(struct detour *detour, struct tracee *child)
{
	enum tracee_stop stop;
	int64_t fd;
	int err = tracee_wait(child, &stop);

	if (err)
		return err;
	detour->stage = STAGE_CREATE;
	fd = create_in_child(detour, child);
	if (fd < 0)
		return (int)fd;
	detour->stage = STAGE_TAKE;
	return take_from_thread(child->tid, (int)fd);
}

/* When it goes on it exits, as soon as no SIGSTOP holds it. */
static int end_child(struct tracee *child)
{
	enum tracee_stop stop;
	int err = child->stopped ? tracee_continue(child, false) : 0;

	while (!err) {
		err = tracee_wait(child, &stop);
		if (!err)
			err = tracee_continue(child, false);
	}
	return err == -ESRCH ? 0 : err;
}

static int create_with_own_files(struct detour *detour)
{
	const struct call clone = { SYS_clone, CLONE_FLAGS, detour->frame.exit_sp };
	struct tracee *thread = &detour->thread, child = { .deadline_ns = thread->deadline_ns };
	enum call_end end;
	unsigned long tid;
	int64_t ret;
	int uffd, err;

	detour->stage = STAGE_CLONE;
	/* Also after an error there may be a child, and what it goes on with is there. */
	detour->stack_in_use = true;
	err = call_make(thread, &clone, &detour->gadgets, &detour->own.regs, detour->frame.sp, &end,
			&ret);
	if (err)
		return err;
	if (end != CALL_VFORKED) {
		detour->stack_in_use = false;
		return ret < 0 ? (int)ret : -EPROTO;
	}
	err = tracee_get_message(thread, &tid);
	if (err)
		return err;
	child.tid = (pid_t)tid;
	uffd = use_child(detour, &child);
	err = end_child(&child);
	if (!err)
		err = call_finish(thread);
	if (!err)
		detour->stack_in_use = false;
	if (err && uffd >= 0) {
		close(uffd);
		return err;
	}
	return uffd;
}

static int create_with_shared_files(struct detour *detour, int pidfd)
{
	uint64_t sp = detour->frame.sp;
	struct call close_it = { SYS_close, 0, 0 };
	int64_t fd, err;
	int uffd;

	detour->stage = STAGE_CREATE;
	fd = result_of(detour, &detour->thread, &CREATE, sp);
	if (fd < 0)
		return (int)fd;
	detour->stage = STAGE_TAKE;
	uffd = take(pidfd, (int)fd);
	close_it.arg0 = (uint64_t)fd;
	err = result_of(detour, &detour->thread, &close_it, sp);
	if (err < 0 && uffd >= 0) {
		close(uffd);
		return (int)err;
	}
	return uffd;
}

static int begin(struct detour *detour, pid_t pid, pid_t tid, int pidfd)
{
	const struct call calls[] = {
		CREATE,
		{ SYS_close, 0, 0 },
		{ SYS_rt_sigreturn, 0, 0 },
		{ SYS_clone, CLONE_FLAGS, 0 },
		{ SYS_exit, 0, 0 },
	};

	return detour_begin(detour, pid, tid, pidfd, calls, sizeof(calls) / sizeof(*calls));
}

int inject_userfaultfd(struct injection *injection, pid_t pid, pid_t tid, int pidfd,
		       bool own_files)
{
	struct detour *detour = detour_create();
	int uffd, err;

	*injection = (struct injection){ .uffd = -1, .call = -1 };
	if (!detour)
		return -ENOMEM;
	err = begin(detour, pid, tid, pidfd);
	uffd = err;
	if (!err)
		uffd = own_files ? create_with_own_files(detour) :
				   create_with_shared_files(detour, pidfd);
	err = detour_end(detour);
	if (err && uffd >= 0) {
		detour->stage = STAGE_RETURN;
		close(uffd);
		uffd = err;
	}
	injection->stage = detour->stage;
	injection->call = detour->call;
	injection->interruption = detour->interruption;
	if (detour->interrupted_ns)
		injection->stop_ns = (int64_t)(tracee_now_ns() - detour->interrupted_ns);
	if (uffd >= 0)
		injection->uffd = uffd;
	detour_destroy(detour);
	return uffd < 0 ? uffd : 0;
}
