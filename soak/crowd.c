// SPDX-License-Identifier: Apache-2.0
/*
 * crowd NR SECONDS
 *
 * NR children, each with memory at the same address, of a size that tells them
 * apart: child i has 16 * (i % 8 + 1) pages, and touches all of them twice a second.
 * Says "ready" once all have theirs; ends, with all that are left, after SECONDS or
 * at the end of its standard input.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define AT ((char *)0x200000000000)

static void __attribute__((noreturn)) be_child(size_t number, int ready)
{
	size_t size = 16 * (number % 8 + 1) * PAGE;
	struct timespec half = { 0, 500000000 };
	char *at;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	at = mmap(AT, size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	for (int first = 1;; first = 0) {
		for (size_t i = 0; i < size; i += PAGE)
			at[i]++;
		if (first && write(ready, "", 1) != 1)
			_exit(1);
		nanosleep(&half, NULL);
	}
}

int main(int argc, char **argv)
{
	size_t nr = argc > 1 ? strtoul(argv[1], NULL, 10) : 10;
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int pipe_fds[2];
	char byte;

	if (pipe(pipe_fds))
		return 1;
	signal(SIGCHLD, SIG_IGN);	/* the kernel buries those that are killed */
	for (size_t i = 0; i < nr; i++) {
		pid_t pid = fork();

		if (!pid)
			be_child(i, pipe_fds[1]);
		if (pid < 0)
			return 1;
		printf("%d\n", pid);
	}
	for (size_t i = 0; i < nr; i++)
		if (read(pipe_fds[0], &byte, 1) != 1)
			return 1;
	printf("ready\n");
	fflush(stdout);
	poll(&input, 1, argc > 2 ? atoi(argv[2]) * 1000 : 60000);
	return 0;
}
