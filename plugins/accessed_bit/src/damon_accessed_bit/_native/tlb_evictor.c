// SPDX-License-Identifier: Apache-2.0
/*
 * The program behind tlb_eviction.h: a few processes that follow each other from
 * CPU to CPU.  Arguments: the descriptor of the shared memory, and the process
 * that gave it; when that one ends, so do these.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tlb_eviction.h"

static void wait_for_change(_Atomic uint32_t *word, uint32_t old)
{
	syscall(SYS_futex, word, FUTEX_WAIT, old, NULL, NULL, 0);
}

static void count_up(_Atomic uint32_t *word)
{
	atomic_fetch_add(word, 1);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Go to the @nr-th CPU of those allowed; if it is offline now, stay. */
static void go_to(const cpu_set_t *allowed, uint32_t nr)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, allowed) || nr--)
			continue;

		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

/* The first one: once round for all orders that came meanwhile. */
static void lead(struct tlb_eviction *eviction, const cpu_set_t *allowed)
{
	uint32_t nr_cpus = (uint32_t)CPU_COUNT(allowed), seen = 0;

	while (!atomic_load(&eviction->stop)) {
		uint32_t orders = atomic_load(&eviction->nr_orders);

		if (orders == seen) {
			wait_for_change(&eviction->nr_orders, orders);
			continue;
		}
		seen = orders;
		for (uint32_t i = 0; i < nr_cpus; i++) {
			go_to(allowed, i);
			count_up(&eviction->nr_hops[0]);
		}
		/* The others come after: wait, so that an order is followed as a whole. */
		for (uint32_t last; (last = atomic_load(&eviction->nr_hops[TLB_EVICTION_NR - 1])) !=
		     atomic_load(&eviction->nr_hops[0]) && !atomic_load(&eviction->stop);)
			wait_for_change(&eviction->nr_hops[TLB_EVICTION_NR - 1], last);
		atomic_store(&eviction->nr_done, seen);
		syscall(SYS_futex, &eviction->nr_done, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	}
}

/* Any other: wherever the one before has been. */
static void follow(struct tlb_eviction *eviction, const cpu_set_t *allowed, int self)
{
	uint32_t nr_cpus = (uint32_t)CPU_COUNT(allowed), hops = 0;

	for (;;) {
		uint32_t before = atomic_load(&eviction->nr_hops[self - 1]);

		if (before == hops) {
			wait_for_change(&eviction->nr_hops[self - 1], before);
			continue;
		}
		go_to(allowed, hops % nr_cpus);
		hops++;
		count_up(&eviction->nr_hops[self]);
	}
}

/* Run at once where they come, if that is allowed: the flush is wanted now. */
static void hurry(void)
{
	struct sched_param param = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}

static void end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

int main(int argc, char **argv)
{
	struct tlb_eviction *eviction;
	pid_t children[TLB_EVICTION_NR] = { 0 }, self;
	cpu_set_t allowed;

	if (argc != 3)
		return 2;
	end_with((pid_t)atoi(argv[2]));
	signal(SIGINT, SIG_IGN);	/* Ctrl-C is for the one that gives the orders */
	eviction = mmap(NULL, sizeof(*eviction), PROT_READ | PROT_WRITE, MAP_SHARED,
			atoi(argv[1]), 0);
	if (eviction == MAP_FAILED || sched_getaffinity(0, sizeof(allowed), &allowed))
		return 1;
	self = getpid();
	for (int i = 1; i < TLB_EVICTION_NR; i++) {
		children[i] = fork();
		if (children[i] < 0)
			break;
		if (!children[i]) {
			end_with(self);
			hurry();
			follow(eviction, &allowed, i);
		}
	}
	hurry();
	lead(eviction, &allowed);
	for (int i = 1; i < TLB_EVICTION_NR && children[i] > 0; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	return 0;
}
