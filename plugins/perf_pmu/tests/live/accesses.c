// SPDX-License-Identifier: Apache-2.0
/*
 * A process whose accesses to memory are known: it makes those that it is told to.
 *
 * Started with a number of pages, it prints the address of that much memory.  Then each line of
 * its input is a verb and two numbers, and is answered when it is done:
 *   write, read    touch the first word of the pages FIRST to END
 *   store, load    access the word INDEX, COUNT times
 *   thread         the same as store, in a new thread; prints its id before, and waits for a line
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile uint64_t *words;
static size_t page;

static void say(long one)
{
	printf("%ld\n", one);
	fflush(stdout);
}

static void touch(size_t first, size_t end, int writes)
{
	for (; first < end; first++) {
		volatile uint64_t *word = words + first * page / sizeof(*words);

		if (writes)
			*word = 1;
		else
			(void)*word;
	}
}

static void use(size_t index, size_t count, int writes)
{
	while (count--) {
		if (writes)
			words[index] = count;
		else
			(void)words[index];
	}
}

static void *store_in_thread(void *arg)
{
	size_t *numbers = arg;
	char line[64];

	say(syscall(SYS_gettid));
	if (fgets(line, sizeof(line), stdin))
		use(numbers[0], numbers[1], 1);
	return NULL;
}

int main(int argc, char **argv)
{
	size_t nr = argc > 1 ? strtoul(argv[1], NULL, 10) : 256, numbers[2];
	char line[128], verb[32];

	page = sysconf(_SC_PAGESIZE);
	words = mmap(NULL, nr * page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (words == MAP_FAILED)
		return 1;
	madvise((void *)words, nr * page, MADV_NOHUGEPAGE);
	say((long)words);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%31s %zu %zu", verb, &numbers[0], &numbers[1]) != 3)
			return 2;
		if (!strcmp(verb, "write") || !strcmp(verb, "read")) {
			touch(numbers[0], numbers[1], verb[0] == 'w');
		} else if (!strcmp(verb, "store") || !strcmp(verb, "load")) {
			use(numbers[0], numbers[1], verb[0] == 's');
		} else if (!strcmp(verb, "thread")) {
			pthread_t thread;

			pthread_create(&thread, NULL, store_in_thread, numbers);
			pthread_join(thread, NULL);
		} else {
			return 2;
		}
		say(0);
	}
	return 0;
}
