// SPDX-License-Identifier: Apache-2.0
/*
 * victim MODE COUNTERS [NR_THREADS]
 *
 * A program that checks itself for ever and counts in a shared file: rounds done, errors
 * found, calls that failed with EINTR.  A thread reads commands from standard input: "exec" executes
 * the program anew, and "fork" forks a child that ends at once.
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
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define NR_WORDS (1 << 15)
#define FIBRE_SIZE (64 << 10)
#define CANARY 0x5aa5c33c5aa5c33cULL

struct counters {
	_Atomic uint64_t ready;
	_Atomic uint64_t rounds;
	_Atomic uint64_t errors;
	_Atomic uint64_t eintr;
	_Atomic uint64_t signals;
	_Atomic uint64_t running;	/* threads that were started */
	_Atomic uint32_t never;		/* a futex that nobody wakes */
};

static struct counters *counters;
static char **arguments;

static void expect(int holds)
{
	if (!holds)
		counters->errors++;
}

static void expect_call(long ret)
{
	if (ret < 0 && errno == EINTR)
		counters->eintr++;
	else
		expect(ret >= 0 || errno == EAGAIN || errno == ETIMEDOUT);
}

/* All general and vector registers hold known values while nothing is done for a while. */
static void hold_registers(void)
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

static void compute(void)
{
	static const double EXPECTED = 0x1.62e42fefa39efp-1;	/* ln 2 */
	volatile double x = 0.5;
	uint64_t sum = 0;

	for (int i = 0; i < 30; i++)	/* Newton's method for e^x = 2 */
		x = x - 1 + 2 * __builtin_exp(-x);
	expect(__builtin_fabs(x - EXPECTED) < 1e-15);
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

static void *check_memory(void *unused)
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

static void set_alternate_stack(void)
{
	alternate.ss_size = 64 << 10;
	alternate.ss_sp = malloc(alternate.ss_size);
	expect(!sigaltstack(&alternate, NULL));
}

static void check_alternate_stack(void)
{
	stack_t now;

	expect(!sigaltstack(NULL, &now));
	expect(now.ss_sp == alternate.ss_sp && now.ss_size == alternate.ss_size && !now.ss_flags);
}

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
		if (!strncmp(command, "fork", 4)) {
			pid_t child = fork();

			if (!child)
				_exit(0);
			waitpid(child, NULL, 0);
		}
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
