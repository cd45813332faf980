// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control.h"
#include "mix.h"

#define COMMAND_SIZE 256

struct control {
	struct family *family;
	struct program *program;
	struct truthlog *log;
	struct halt *halt;
	char line[COMMAND_SIZE];
	size_t filled;
};

static void answer_done(uint64_t t0, uint64_t t1, uint64_t nr)
{
	dprintf(STDOUT_FILENO, "done %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", t0, t1, nr);
}

static void answer_error(const char *text)
{
	dprintf(STDOUT_FILENO, "error %s\n", text);
}

/* The next line without its end; false when there is none any more. */
static bool next_line(struct control *control, char *ret)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = control->halt->fd, .events = POLLIN },
	};

	for (;;) {
		char *end = memchr(control->line, '\n', control->filled);
		ssize_t nr;

		if (end) {
			size_t size = end - control->line;

			memcpy(ret, control->line, size);
			ret[size] = '\0';
			control->filled -= size + 1;
			memmove(control->line, end + 1, control->filled);
			return true;
		}
		if (control->filled == sizeof(control->line))
			control->filled = 0;	/* too long for a command */
		if ((poll(fds, 2, -1) < 0 && errno != EINTR) || fds[1].revents)
			return false;
		nr = read(STDIN_FILENO, control->line + control->filled,
			  sizeof(control->line) - control->filled);
		if (!nr || (nr < 0 && errno != EINTR))
			return false;
		if (nr > 0)
			control->filled += nr;
	}
}

static uint64_t touch_subset(const struct area *area, size_t page_size, uint64_t seed,
			     unsigned int permille, enum touch_mode mode)
{
	uint64_t nr_pages = area->mapped / page_size;
	uint64_t nr = 0;

	for (uint64_t page = 0; page < nr_pages; page++) {
		if (!mix_in_subset(seed, page, permille))
			continue;
		pattern_touch_run(area->base + page * page_size, 1, 1, mode);
		nr++;
	}
	return nr;
}

static bool read_mode(enum touch_mode *ret, const char *text)
{
	for (int mode = TOUCH_READ; mode <= TOUCH_BOTH; mode++) {
		if (!strcmp(text, touch_mode_name(mode))) {
			*ret = mode;
			return true;
		}
	}
	return false;
}

/* Pass through the subset once, or again and again until duration_ns is over. */
static void touch(struct control *control, const struct area *area, uint64_t seed,
		  unsigned int permille, enum touch_mode mode, uint64_t duration_ns)
{
	size_t page_size = sysconf(_SC_PAGESIZE);
	uint64_t t0 = truthlog_now(), t1 = t0, nr_passes = 0, nr_pages;
	struct touch_record record = {
		.t0 = t0, .tid = gettid(), .start = area->base,
		.end = area->base + area->mapped, .stride = page_size, .mode = mode,
	};
	bool last;

	do {
		uint64_t before = t1;

		nr_pages = touch_subset(area, page_size, seed, permille, mode);
		t1 = truthlog_now();
		record.nr++;
		nr_passes++;
		if (t1 - before > record.pass_ns)
			record.pass_ns = t1 - before;
		last = t1 - t0 >= duration_ns || halt_asked(control->halt);
		if (last || t1 - record.t0 >= control->program->quantum_ns) {
			record.t1 = t1;
			truthlog_subset(control->log, &record, seed, permille);
			record.t0 = t1;
			record.nr = record.pass_ns = 0;
		}
	} while (!last);
	answer_done(t0, t1, duration_ns ? nr_passes : nr_pages);
}

static int run_program(struct control *control)
{
	uint64_t t0 = truthlog_now();
	int rc = family_run(control->family, control->program, control->log, control->halt);

	if (!rc)
		answer_done(t0, truthlog_now(), 0);
	return rc;
}

static int obey(struct control *control, const char *line)
{
	unsigned int permille, area = 0;
	uint64_t seed, ms = 0;
	enum touch_mode mode;
	char text[4];

	if (!strcmp(line, "run"))
		return run_program(control);
	if (sscanf(line, "touch %" SCNu64 " %u %3s %u", &seed, &permille, text, &area) < 3 &&
	    sscanf(line, "loop %" SCNu64 " %u %3s %" SCNu64 " %u", &seed, &permille, text, &ms,
		   &area) < 4) {
		answer_error("no such command: touch, loop, run, quit");
		return 0;
	}
	if (permille > 1000 || !read_mode(&mode, text) || area >= control->program->nr_areas) {
		answer_error("permille is 0 to 1000, the mode r, w or rw, the area one of the program's");
		return 0;
	}
	touch(control, &control->program->areas[area], seed, permille, mode, ms * 1000000u);
	return 0;
}

int control_run(struct family *family, struct program *program, struct truthlog *log,
		struct halt *halt)
{
	struct control control = {
		.family = family, .program = program, .log = log, .halt = halt,
	};
	char line[COMMAND_SIZE];
	int rc = 0;

	truthlog_others(log, program->areas, program->nr_areas);
	while (!rc && !halt_asked(halt) && next_line(&control, line) && strcmp(line, "quit"))
		rc = obey(&control, line);
	return rc;
}
