// SPDX-License-Identifier: Apache-2.0
/*
 * restless SECONDS SEED [EXEC_EVERY [NR_STEPS NR_WRONG]]
 *
 * A target without rest that knows what its memory has to hold.  Two threads write
 * to four kinds of kept memory; meanwhile it maps, fills, moves, drops, protects and
 * unmaps, starts threads that end, forks children that check their copies, and
 * children that execute it anew; it executes itself every EXEC_EVERY seconds.
 * At the end, or at SIGTERM, one line of JSON; exit status 1 if anything was wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define HUGE (2ul << 20)
#define KEPT_PAGES 2048ul	/* of each kind */
#define NR_KINDS 4
#define NR_KEPT (NR_KINDS * KEPT_PAGES)
#define NR_WRITERS 2
#define NR_AREAS 16
#define MAX_AREA 512
#define MAX_THREADS 8
#define MAX_CHILDREN 6
#define STEP_NS 10000000

struct area {
	char *at;
	size_t nr_pages;
	uint64_t salt;
};

static volatile sig_atomic_t told_to_end;
static _Atomic bool stop;
static _Atomic uint64_t nr_wrong;
static char *kept[NR_KINDS];
static uint64_t expected[NR_KEPT];
static struct area areas[NR_AREAS];
static pthread_t writers[NR_WRITERS], guests[MAX_THREADS];
static size_t nr_writers, nr_guests, nr_children;
static uint64_t state;

static uint64_t draw(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void pause_ns(long ns)
{
	struct timespec t = { 0, ns };

	nanosleep(&t, NULL);
}

static void wrong(const char *what, uint64_t where)
{
	if (nr_wrong++ < 10)
		fprintf(stderr, "restless %d: wrong: %s, %" PRIu64 ", errno %d\n", getpid(), what,
			where, errno);
}

static void end(int signal)
{
	(void)signal;
	told_to_end = 1;
}

/* Until a program that was executed has its handler again, it must wait. */
static void hear_end(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(how, &set, NULL);
}

static volatile uint64_t *kept_page(size_t page)
{
	return (volatile uint64_t *)(kept[page / KEPT_PAGES] + page % KEPT_PAGES * PAGE);
}

/* Both ends of a page, and what ought to be in them, which lies elsewhere. */
static void check_kept(size_t page)
{
	volatile uint64_t *words = kept_page(page);

	if (words[0] != expected[page] || words[511] != ~expected[page])
		wrong("kept page", page);
}

static void write_kept(size_t page)
{
	volatile uint64_t *words = kept_page(page);

	expected[page] += page + 1;
	words[0] = expected[page];
	words[511] = ~expected[page];
}

static void *writer(void *arg)
{
	uint64_t mine = (uintptr_t)arg + 77, first = (uintptr_t)arg;

	while (!stop) {
		for (int i = 0; i < 64; i++) {
			size_t page = draw(&mine) % (NR_KEPT / NR_WRITERS) * NR_WRITERS + first;

			check_kept(page);
			write_kept(page);
		}
		pause_ns(2000000);
	}
	return NULL;
}

static char *map_kind(int kind)
{
	int fd = -1, flags = kind == 2 ? MAP_SHARED | MAP_ANONYMOUS : MAP_PRIVATE | MAP_ANONYMOUS;
	char *at;

	if (kind == 3) {
		fd = memfd_create("restless", MFD_CLOEXEC);
		flags = MAP_PRIVATE;
		if (fd < 0 || ftruncate(fd, KEPT_PAGES * PAGE + HUGE))
			wrong("memfd", 0);
	}
	at = mmap(NULL, KEPT_PAGES * PAGE + HUGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED) {
		wrong("mmap", kind);
		exit(1);
	}
	at += -(uintptr_t)at & (HUGE - 1);
	if (kind != 3)
		madvise(at, KEPT_PAGES * PAGE, kind == 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return at;
}

static void fill(struct area *area, size_t first)
{
	for (size_t i = first; i < area->nr_pages; i++)
		*(volatile uint64_t *)(area->at + i * PAGE) = area->salt + i;
}

static void check(const struct area *area, const char *what)
{
	for (size_t i = 0; i < area->nr_pages; i++)
		if (*(volatile uint64_t *)(area->at + i * PAGE) != area->salt + i)
			wrong(what, i);
}

static void map_area(struct area *area)
{
	area->nr_pages = draw(&state) % MAX_AREA + 1;
	area->salt = draw(&state);
	area->at = mmap(NULL, area->nr_pages * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area->at == MAP_FAILED) {
		area->at = NULL;
		wrong("mmap", area->nr_pages);
		return;
	}
	fill(area, 0);
}

static void unmap_area(struct area *area)
{
	check(area, "unmapped page");
	if (munmap(area->at, area->nr_pages * PAGE))
		wrong("munmap", area->nr_pages);
	area->at = NULL;
}

static void move_area(struct area *area)
{
	size_t nr = draw(&state) % MAX_AREA + 1, kept_nr = area->nr_pages;
	char *at = mremap(area->at, area->nr_pages * PAGE, nr * PAGE, MREMAP_MAYMOVE);

	if (at == MAP_FAILED) {
		wrong("mremap", nr);
		return;
	}
	area->at = at;
	area->nr_pages = nr < kept_nr ? nr : kept_nr;
	check(area, "moved page");
	area->nr_pages = nr;
	fill(area, kept_nr < nr ? kept_nr : nr);
}

static void drop_area(struct area *area)
{
	if (madvise(area->at, area->nr_pages * PAGE, MADV_DONTNEED))
		wrong("madvise", area->nr_pages);
	for (size_t i = 0; i < area->nr_pages; i++)
		if (*(volatile uint64_t *)(area->at + i * PAGE))
			wrong("dropped page", i);
	fill(area, 0);
}

static void protect_area(struct area *area)
{
	if (mprotect(area->at, area->nr_pages * PAGE, PROT_READ))
		wrong("mprotect", area->nr_pages);
	check(area, "protected page");
	if (mprotect(area->at, area->nr_pages * PAGE, PROT_READ | PROT_WRITE))
		wrong("mprotect", area->nr_pages);
	fill(area, 0);
}

static void *guest(void *arg)
{
	struct area area = { NULL, 64, (uintptr_t)arg };

	area.at = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fill(&area, 0);
	for (int i = 0; i < 20 && !stop; i++) {
		pause_ns(5000000);
		check(&area, "page of a thread");
	}
	munmap(area.at, 64 * PAGE);
	return NULL;
}

static void start_guest(void)
{
	while (nr_guests == MAX_THREADS || (nr_guests && draw(&state) % 2))
		pthread_join(guests[--nr_guests], NULL);
	if (pthread_create(&guests[nr_guests], NULL, guest, (void *)draw(&state)))
		wrong("pthread_create", nr_guests);
	else
		nr_guests++;
}

static void check_areas(const char *what)
{
	for (size_t i = 0; i < NR_AREAS; i++)
		if (areas[i].at)
			check(&areas[i], what);
}

static void reap(int flags)
{
	int status;

	while (nr_children && waitpid(-1, &status, flags) > 0) {
		nr_children--;
		if (status)
			wrong("child ended with", status);
	}
}

/* The copies of the kept pages may be of a moment between two stores: only areas are checked. */
static void start_child(bool anew, char **argv)
{
	pid_t pid;

	if (nr_children == MAX_CHILDREN)
		return;
	pid = fork();
	if (pid < 0)
		wrong("fork", nr_children);
	if (pid > 0)
		nr_children++;
	if (pid)
		return;
	nr_wrong = 0;
	if (anew) {
		execl("/proc/self/exe", argv[0], "0.5", "7", "-1", NULL);
		_exit(127);
	}
	check_areas("page of a child");
	for (size_t i = 0; i < NR_AREAS; i++)
		if (areas[i].at)
			drop_area(&areas[i]);
	for (int i = 0; i < 50 && !told_to_end; i++)
		pause_ns(5000000);
	check_areas("own page of a child");
	_exit(nr_wrong ? 1 : 0);
}

static void step(bool forks, char **argv)
{
	struct area *area = &areas[draw(&state) % NR_AREAS];
	uint64_t what = draw(&state) % 16;

	reap(WNOHANG);
	if (!area->at)
		map_area(area);
	else if (what < 4)
		unmap_area(area);
	else if (what < 8)
		move_area(area);
	else if (what < 10)
		drop_area(area);
	else if (what < 12)
		protect_area(area);
	else if (what < 14)
		start_guest();
	else if (forks)
		start_child(what == 15, argv);
}

/* Also a second time, where it is told to end before it could execute itself. */
static void settle(void)
{
	stop = true;
	while (nr_writers)
		pthread_join(writers[--nr_writers], NULL);
	while (nr_guests)
		pthread_join(guests[--nr_guests], NULL);
	reap(0);
	check_areas("page");
	for (size_t page = 0; page < NR_KEPT; page++)
		check_kept(page);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	double begin = now(), seconds = argc > 1 ? atof(argv[1]) : 1;
	double exec_every = argc > 3 ? atof(argv[3]) : 0;
	uint64_t nr_steps = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;

	nr_wrong = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
	state = (argc > 2 ? strtoull(argv[2], NULL, 10) : 0) * 7919 + nr_steps + 1;
	sigaction(SIGTERM, &action, NULL);
	hear_end(SIG_UNBLOCK);
	for (int kind = 0; kind < NR_KINDS; kind++)
		kept[kind] = map_kind(kind);
	for (size_t page = 0; page < NR_KEPT; page++)
		write_kept(page);
	for (; nr_writers < NR_WRITERS; nr_writers++)
		if (pthread_create(&writers[nr_writers], NULL, writer, (void *)nr_writers)) {
			wrong("pthread_create", nr_writers);
			break;
		}
	while (!told_to_end && now() - begin < seconds) {
		step(exec_every >= 0, argv);
		nr_steps++;
		pause_ns(STEP_NS);
		if (exec_every > 0 && now() - begin > exec_every) {
			char left[32], steps[32], wrongs[32];

			settle();
			if (told_to_end)
				break;
			snprintf(left, sizeof(left), "%f", seconds - (now() - begin));
			snprintf(steps, sizeof(steps), "%" PRIu64, nr_steps);
			snprintf(wrongs, sizeof(wrongs), "%" PRIu64, nr_wrong);
			hear_end(SIG_BLOCK);
			execl("/proc/self/exe", argv[0], left, argv[2], argv[3], steps, wrongs, NULL);
			wrong("exec", 0);
			break;
		}
	}
	settle();
	if (exec_every >= 0)
		printf("{\"nr_steps\": %" PRIu64 ", \"nr_wrong\": %" PRIu64 "}\n", nr_steps, nr_wrong);
	return nr_wrong != 0;
}
