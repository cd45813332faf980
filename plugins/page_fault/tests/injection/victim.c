// SPDX-License-Identifier: Apache-2.0
/*
 * victim MODE COUNTERS [NR_THREADS]
 *
 * A program that checks itself for ever and counts in a shared file: rounds done, errors
 * found, calls that failed with EINTR.  A thread reads commands from standard input: "exec" executes
 * the program anew.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "checks.h"

#define FIBRE_SIZE (64 << 10)
#define CANARY 0x5aa5c33c5aa5c33cULL

static char **arguments;

static void busy(void)
{
	for (;;) {
		hold_registers();
		compute();
		check_alternate_stack();
		counters->rounds++;
	}
}

static void sleeping(void)
{
	struct timespec nap = { 0, 3000000 };

	for (;;) {
		expect_call(nanosleep(&nap, NULL));
		check_alternate_stack();
		counters->rounds++;
	}
}

static void waiting_for_events(int timeout_ms)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (;;) {
		expect_call(epoll_wait(epoll, &event, 1, timeout_ms));
		check_alternate_stack();
		counters->rounds++;
	}
}

static void futex_wait(void)
{
	for (;;) {
		expect_call(syscall(SYS_futex, &counters->never, FUTEX_WAIT, 0, NULL));
		counters->rounds++;
	}
}

static void *futex_thread(void *unused)
{
	(void)unused;
	futex_wait();
	return NULL;
}

/* A stack with hardly any room left below, between memory that must not change. */
static uint64_t *fibre_memory;

static void check_canaries(void)
{
	size_t nr = FIBRE_SIZE / sizeof(*fibre_memory);

	for (size_t i = 0; i < nr; i++)
		expect(fibre_memory[i] == CANARY && fibre_memory[2 * nr + i] == CANARY);
}

/* Busy without calls: the stack pointer stays far down. */
static void fibre_loop(void)
{
	char near_the_end[FIBRE_SIZE - 2048];

	memset(near_the_end, 1, sizeof(near_the_end));
	for (;;) {
		for (volatile int i = 0; i < 100000; i++)
			;
		check_canaries();
		expect(near_the_end[0] == 1 && near_the_end[sizeof(near_the_end) - 1] == 1);
		counters->rounds++;
	}
}

static void *on_fibre(void *unused)
{
	static ucontext_t fibre, here;
	size_t nr = 3 * FIBRE_SIZE / sizeof(*fibre_memory);

	(void)unused;
	fibre_memory = malloc(3 * FIBRE_SIZE);
	for (size_t i = 0; i < nr; i++)
		fibre_memory[i] = CANARY;
	getcontext(&fibre);
	fibre.uc_stack.ss_sp = (char *)fibre_memory + FIBRE_SIZE;
	fibre.uc_stack.ss_size = FIBRE_SIZE;
	makecontext(&fibre, fibre_loop, 0);
	swapcontext(&here, &fibre);
	return NULL;
}

static void count_signal(int signal)
{
	(void)signal;
	counters->signals++;
}

static void storm(void)
{
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void forbid(uint32_t action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	expect(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
}

static void exhaust_files(void)
{
	struct rlimit limit = { 64, 64 };

	setrlimit(RLIMIT_NOFILE, &limit);
	while (dup(0) >= 0)
		;
}

/* Its parent cannot be stopped until it ends. */
static void wait_for_vforked(void)
{
	pid_t child = vfork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static void *obey(void *unused)
{
	char command[64];
	ssize_t size;

	(void)unused;
	while ((size = read(STDIN_FILENO, command, sizeof(command))) > 0) {
		if (!strncmp(command, "exec", 4))
			execv("/proc/self/exe", arguments);
	}
	_exit(0);
}

/* Only now does the new thread have its own signal mask. */
static void *begin(void *run)
{
	counters->running++;
	return ((void *(*)(void *))run)(NULL);
}

static void start(void *(*run)(void *))
{
	uint64_t nr = counters->running + 1;
	pthread_t thread;

	expect(!pthread_create(&thread, NULL, begin, run));
	while (counters->running < nr)
		sched_yield();
}

int main(int argc, char **argv)
{
	const char *mode = argv[1];
	int fd = open(argv[2], O_RDWR | O_CLOEXEC), nr = argc > 3 ? atoi(argv[3]) : 0;

	arguments = argv;
	counters = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (counters == MAP_FAILED)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_alternate_stack();
	start(obey);
	for (int i = 0; i < nr; i++)
		start(strncmp(mode, "futex", 5) ? check_memory : futex_thread);
	if (!strcmp(mode, "fibre-thread"))
		start(on_fibre);
	if (!strcmp(mode, "storm"))
		storm();
	if (!strcmp(mode, "seccomp-errno"))
		forbid(SECCOMP_RET_ERRNO | EPERM);
	if (!strcmp(mode, "seccomp-kill"))
		forbid(SECCOMP_RET_KILL_PROCESS);
	if (!strcmp(mode, "seccomp-trap"))
		forbid(SECCOMP_RET_TRAP);
	if (!strcmp(mode, "seccomp-allow"))
		forbid(SECCOMP_RET_ALLOW);
	if (!strcmp(mode, "no-files"))
		exhaust_files();
	if (!strcmp(mode, "not-dumpable"))
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	counters->ready++;
	if (!strcmp(mode, "vfork"))
		wait_for_vforked();
	if (!strcmp(mode, "sleep"))
		sleeping();
	if (!strcmp(mode, "epoll"))
		waiting_for_events(3);
	if (!strcmp(mode, "epoll-for-ever") || !strcmp(mode, "futex-and-epoll") ||
	    !strcmp(mode, "fibre-thread"))
		waiting_for_events(-1);
	if (!strcmp(mode, "futex"))
		futex_wait();
	if (!strcmp(mode, "fibre"))
		on_fibre(NULL);
	busy();
}
