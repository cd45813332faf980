// SPDX-License-Identifier: Apache-2.0
/*
 * steps kill STEP NS COMMAND...	run it to its STEP-th system call from the first ptrace on,
 *					then NS ns further on its own, and kill it
 * steps hold STEP HELD GO COMMAND...	there, write a byte to the fifo HELD, and let it go on when
 *					there is one in the fifo GO
 *
 * STEP 0 is its start.  The command is killed before it makes that call.  Exit code 3: it had
 * ended before; 0 otherwise.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv(command[0], command);
		_exit(127);
	}
	return pid;
}

static uint64_t call_of(pid_t pid)
{
	return ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, orig_rax), 0);
}

static int next_stop(pid_t pid)
{
	int status;

	return ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status);
}

/* To where the call begins; 0 if it ends before. */
static int run_to(pid_t pid, long step)
{
	int has_begun = 0;

	while (step > 0) {
		if (!next_stop(pid))
			return 0;
		has_begun |= call_of(pid) == SYS_ptrace;
		step -= has_begun;
		if (step && !next_stop(pid))
			return 0;
	}
	return 1;
}

static void kill_after(pid_t pid, uint64_t ns)
{
	uint64_t end;

	if (ns) {
		ptrace(PTRACE_DETACH, pid, 0, 0);
		end = now_ns() + ns;
		while (now_ns() < end)
			;
	}
	kill(pid, SIGKILL);
}

/* 0 if it was held there. */
static int hold(pid_t pid, const char *go)
{
	int fd = open(go, O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd < 0 || read(fd, &byte, 1) != 1)
		return 2;
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return 0;
}

int main(int argc, char **argv)
{
	int kills = argc > 1 && !strcmp(argv[1], "kill"), held = -1, status, ret = 0;
	pid_t pid;

	if (argc < 6)
		return 2;
	if (!kills)
		held = open(argv[3], O_WRONLY | O_CLOEXEC);
	pid = start(argv + (kills ? 4 : 5));
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
	if (!run_to(pid, atol(argv[2])))
		return 3;
	if (kills)
		kill_after(pid, strtoull(argv[3], NULL, 10));
	else
		ret = write(held, "x", 1) == 1 ? hold(pid, argv[4]) : 2;
	waitpid(pid, &status, 0);
	return ret;
}
