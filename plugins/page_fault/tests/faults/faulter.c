// SPDX-License-Identifier: Apache-2.0
/*
 * A process that touches pages when told to, and says when it has.
 *
 * Started with a number of pages, it prints the address of that much memory.  Then
 * each line of its input is a verb and pages FIRST to END:
 *   write, read    touch one word of each
 *   thread         the same as write, in a new thread; prints its id before, and after
 *   syscall        have the kernel write to them, by read(2)
 *   drop           give the pages back
 *   spin           from now on, write FIRST..END and read END..END + (END - FIRST), each by a
 *                  thread of its own on a CPU of its own; prints their ids and their CPUs
 *   await          wait until each of those has gone round FIRST times more
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct spinner {
	size_t first, end;
	int cpu, writes;
	atomic_int tid;
	atomic_ulong nr_rounds;
};

static char *memory;
static size_t page;
static struct spinner spinners[2];

static volatile char *at(size_t index)
{
	return (volatile char *)memory + index * page;
}

static void write_pages(size_t first, size_t end)
{
	for (; first < end; first++)
		*at(first) = 1;
}

static void read_pages(size_t first, size_t end)
{
	for (; first < end; first++)
		(void)*at(first);
}

static void say(long one, long two)
{
	printf("%ld %ld\n", one, two);
	fflush(stdout);
}

static void *spin(void *arg)
{
	struct spinner *s = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(s->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	atomic_store(&s->tid, (int)syscall(SYS_gettid));
	for (;;) {
		if (s->writes)
			write_pages(s->first, s->end);
		else
			read_pages(s->first, s->end);
		atomic_fetch_add(&s->nr_rounds, 1);
	}
	return NULL;
}

static void start_spinning(size_t first, size_t end)
{
	cpu_set_t cpus;
	int cpu = 0;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int i = 0; i < 2; i++) {
		pthread_t thread;

		while (!CPU_ISSET(cpu, &cpus))
			cpu = (cpu + 1) % CPU_SETSIZE;
		spinners[i].cpu = cpu++ % CPU_SETSIZE;
		spinners[i].first = first + i * (end - first);
		spinners[i].end = end + i * (end - first);
		spinners[i].writes = !i;
		pthread_create(&thread, NULL, spin, &spinners[i]);
		while (!atomic_load(&spinners[i].tid))
			sched_yield();
	}
	printf("%d %d %d %d\n", spinners[0].tid, spinners[1].tid, spinners[0].cpu,
	       spinners[1].cpu);
	fflush(stdout);
}

static void await_rounds(unsigned long nr)
{
	for (int i = 0; i < 2; i++) {
		unsigned long enough = atomic_load(&spinners[i].nr_rounds) + nr;

		while (atomic_load(&spinners[i].nr_rounds) < enough)
			usleep(1000);
	}
}

static void *touch_in_thread(void *arg)
{
	size_t *pages = arg;
	char line[64];

	say(syscall(SYS_gettid), 0);
	if (fgets(line, sizeof(line), stdin))
		write_pages(pages[0], pages[1]);
	return NULL;
}

static void have_kernel_write(size_t first, size_t end)
{
	int fd = open("/dev/zero", O_RDONLY);

	for (; first < end; first++)
		if (read(fd, memory + first * page, 8) != 8)
			abort();
	close(fd);
}

int main(int argc, char **argv)
{
	size_t nr = argc > 1 ? strtoul(argv[1], NULL, 10) : 256, pages[2];
	char line[128], verb[32];

	page = sysconf(_SC_PAGESIZE);
	memory = mmap(NULL, nr * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	madvise(memory, nr * page, MADV_NOHUGEPAGE);
	printf("%lu\n", (unsigned long)memory);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%31s %zu %zu", verb, &pages[0], &pages[1]) != 3)
			return 2;
		if (!strcmp(verb, "spin")) {
			start_spinning(pages[0], pages[1]);
			continue;
		}
		if (!strcmp(verb, "write")) {
			write_pages(pages[0], pages[1]);
		} else if (!strcmp(verb, "read")) {
			read_pages(pages[0], pages[1]);
		} else if (!strcmp(verb, "drop")) {
			madvise(memory + pages[0] * page, (pages[1] - pages[0]) * page,
				MADV_DONTNEED);
		} else if (!strcmp(verb, "syscall")) {
			have_kernel_write(pages[0], pages[1]);
		} else if (!strcmp(verb, "await")) {
			await_rounds(pages[0]);
		} else if (!strcmp(verb, "thread")) {
			pthread_t thread;

			pthread_create(&thread, NULL, touch_in_thread, pages);
			pthread_join(thread, NULL);
		} else {
			return 2;
		}
		say(0, 0);
	}
	return 0;
}
