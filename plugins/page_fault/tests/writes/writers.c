// SPDX-License-Identifier: Apache-2.0
/*
 * writers KIND NR_PAGES NR_WRITERS NR_READERS LOG [PATH]
 *
 * Memory of a kind, written by threads and read by others all the time; what was
 * written when goes into LOG.  Obeys one command a line, and answers each:
 *   round SEED NR		each writer writes NR pages, once
 *   free SEED NR PAUSE EVERY	the same with PAUSE ns after each 16 writes; after every
 *				EVERY writes of all of them it says "tick", and does not wait
 *   read FIRST END		read pages
 *   write FIRST END		write pages
 *   drop FIRST END		MADV_DONTNEED
 *   map NR			a new anonymous mapping, page 5 of it is written
 *   move FIRST END		move pages of the memory elsewhere (mremap)
 *   replace FIRST END		put a new mapping in their place, and write to all of it
 *   fork			a child writes to all of the memory, and ends
 *   own FIRST END		watch pages by a userfaultfd of its own
 *   scan			how many pages that has found written since
 *   check			how many pages do not have in them what was written
 *   exec			start again from the beginning
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "damon_cooperate.h"

#define PAGE 4096ul
#define HUGE (2ul << 20)
#define MAX_THREADS 16
#define BATCH 16

struct entry {
	uint64_t t0, t1, page;
};

static volatile char *base;
static size_t nr_pages, nr_writers, nr_readers;
static struct entry *entries;
static _Atomic uint64_t nr_entries, nr_written;
static pthread_barrier_t begin, end;
static uint64_t seed, nr, pause_ns, every;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void write_page(uint64_t page)
{
	uint64_t t0 = now();

	__atomic_fetch_add(&base[page * PAGE + page % PAGE], 1, __ATOMIC_RELAXED);
	entries[atomic_fetch_add(&nr_entries, 1)] = (struct entry){ t0, now(), page };
}

static void say_tick(void)
{
	uint64_t done = atomic_fetch_add(&nr_written, BATCH) + BATCH;
	struct timespec pause = { pause_ns / 1000000000, pause_ns % 1000000000 };

	if (every && done / every != (done - BATCH) / every)
		dprintf(STDOUT_FILENO, "tick\n");
	if (pause_ns)
		nanosleep(&pause, NULL);
}

static void *writer(void *arg)
{
	for (;;) {
		pthread_barrier_wait(&begin);
		uint64_t state = seed * 7919 + (uintptr_t)arg + 1;

		for (uint64_t i = 1; i <= nr; i++) {
			write_page(draw(&state) % nr_pages);
			if (!(i % BATCH))
				say_tick();
		}
		pthread_barrier_wait(&end);
	}
	return NULL;
}

static void *reader(void *arg)
{
	uint64_t state = (uintptr_t)arg + 99;

	for (;;) {
		struct timespec pause = { 0, 50000 };

		for (int i = 0; i < 64; i++)
			(void)base[draw(&state) % nr_pages * PAGE];
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static char *map(const char *kind, size_t size, const char *path)
{
	int flags = MAP_PRIVATE, fd = -1;
	char *at;

	if (strstr(kind, "memfd"))
		fd = memfd_create("writers", 0);
	else if (strstr(kind, "file"))
		fd = open(path, O_RDWR);
	if (strstr(kind, "memfd") && ftruncate(fd, size))
		return NULL;
	if (strstr(kind, "shared") || !strcmp(kind, "shmem"))
		flags = MAP_SHARED;
	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	if (!strcmp(kind, "hugetlb"))
		flags |= MAP_HUGETLB;
	at = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (fd < 0)
		at += -(uintptr_t)at & (HUGE - 1);
	madvise(at, size, !strcmp(kind, "thp") ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return at;
}

/* What the monitor does, done by the process itself. */
static void watch_own(uint64_t start, uint64_t end)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1);
	struct uffdio_api api = { .api = UFFD_API, .features = 1 << 13 | 1 << 15 };
	struct uffdio_register reg = {
		.range = { start, end - start },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		exit(3);
}

static uint64_t scan_own(void)
{
	static struct { uint64_t start, end, categories; } found[4096];
	struct {
		uint64_t size, flags, start, end, walk_end, vec, vec_len, max, inverted, mask,
			anyof, returned;
	} arg = {
		.size = sizeof(arg), .flags = 1, .start = (uintptr_t)base,
		.end = (uintptr_t)base + nr_pages * PAGE, .vec = (uintptr_t)found,
		.vec_len = 4096, .mask = 2, .returned = 2,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY);
	int nr = ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, sizeof(arg)), &arg);
	uint64_t nr_found = 0;

	for (int i = 0; i < nr; i++)
		nr_found += (found[i].end - found[i].start) / PAGE;
	close(fd);
	return nr_found;
}

static void touch(size_t first, size_t last, bool writes)
{
	for (size_t page = first; page < last; page++) {
		if (writes)
			base[page * PAGE]++;
		else
			(void)base[page * PAGE];
	}
}

/* Each byte written counts the writes to its page; those at the start were populated by one. */
static size_t check(void)
{
	unsigned char *counts = calloc(nr_pages, 1);
	size_t nr_wrong = 0;

	for (uint64_t i = 0; i < nr_entries; i++)
		counts[entries[i].page]++;
	for (size_t page = 0; page < nr_pages; page++) {
		unsigned char wanted = counts[page] + (page % PAGE == 0);

		nr_wrong += (unsigned char)base[page * PAGE + page % PAGE] != wanted;
		nr_wrong += page % PAGE && base[page * PAGE] != 1;
	}
	free(counts);
	return nr_wrong;
}

static void run(const char *verb, uint64_t a, uint64_t b, char **argv)
{
	void *at = (void *)(base + a * PAGE);
	size_t size = (b - a) * PAGE;
	char *new;

	if (!strcmp(verb, "read") || !strcmp(verb, "write"))
		return touch(a, b, *verb == 'w');
	if (!strcmp(verb, "drop"))
		madvise(at, size, MADV_DONTNEED);
	if (!strcmp(verb, "map")) {
		new = mmap(NULL, a * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		madvise(new, a * PAGE, MADV_NOHUGEPAGE);
		new[5 * PAGE] = 1;
		printf("%" PRIuPTR "\n", (uintptr_t)new);
	}
	if (!strcmp(verb, "move")) {
		new = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, new);
		printf("%" PRIuPTR "\n", (uintptr_t)new);
	}
	if (!strcmp(verb, "replace")) {
		mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		touch(a, b, true);
	}
	if (!strcmp(verb, "fork")) {
		if (!fork()) {
			touch(0, nr_pages, true);
			_exit(0);
		}
		wait(NULL);
	}
	if (!strcmp(verb, "own"))
		watch_own((uintptr_t)at, (uintptr_t)at + size);
	if (!strcmp(verb, "scan"))
		printf("%" PRIu64 "\n", scan_own());
	if (!strcmp(verb, "check"))
		printf("%zu\n", check());
	if (!strcmp(verb, "exec"))
		execv("/proc/self/exe", argv);
}

static void obey(char **argv)
{
	char line[128], verb[16];

	while (fgets(line, sizeof(line), stdin)) {
		uint64_t a = 0, b = 0;

		pause_ns = every = 0;
		sscanf(line, "%15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, verb, &a, &b,
		       &pause_ns, &every);
		if (strcmp(verb, "round") && strcmp(verb, "free")) {
			run(verb, a, b, argv);
		} else {
			seed = a;
			nr = b;
			pthread_barrier_wait(&begin);
			pthread_barrier_wait(&end);
		}
		printf("done\n");
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	size_t log_size = 1ul << 20;
	pthread_t thread;
	int log;

	if (argc < 6)
		return 2;
	nr_pages = strtoul(argv[2], NULL, 10);
	nr_writers = strtoul(argv[3], NULL, 10);
	nr_readers = strtoul(argv[4], NULL, 10);
	log = open(argv[5], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (ftruncate(log, log_size * sizeof(*entries)))
		return 1;
	entries = mmap(NULL, log_size * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, log, 0);
	base = map(argv[1], nr_pages * PAGE, argc > 6 ? argv[6] : NULL);
	if (!base || entries == MAP_FAILED) {
		printf("0\n");
		return 1;
	}
	if (!getenv("WRITERS_SPARSE"))
		touch(0, nr_pages, true);
	pthread_barrier_init(&begin, NULL, nr_writers + 1);
	pthread_barrier_init(&end, NULL, nr_writers + 1);
	for (size_t i = 0; i < nr_writers; i++)
		pthread_create(&thread, NULL, writer, (void *)i);
	for (size_t i = 0; i < nr_readers; i++)
		pthread_create(&thread, NULL, reader, (void *)i);
	if (!getenv("WRITERS_ALONE") && damon_cooperate())
		return 1;
	printf("%" PRIuPTR "\n", (uintptr_t)base);
	fflush(stdout);
	obey(argv);
	return 0;
}
