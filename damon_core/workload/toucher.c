// SPDX-License-Identifier: Apache-2.0
/*
 * toucher PROGRAM_FD LOG [control]
 *
 * Runs a program of memory accesses and logs what it touched when.  "-" as LOG keeps
 * nothing.  Writes "ready" to standard output once the areas are mapped, with the pids of
 * further processes, whose logs are LOG.NAME.  Built to be monitored: few mappings, the same
 * addresses in every run, no allocation on the way.
 * Exit status: 0 done or asked to stop, 1 failed, with a line on standard error.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>
#include "control.h"
#include "family.h"
#include "halt.h"
#include "program.h"
#include "truthlog.h"

static int fail(const char *what, const char *name, int rc)
{
	fprintf(stderr, "toucher: cannot %s%s%s: %s\n", what, *name ? " " : "", name,
		strerror(-rc));
	return 1;
}

/*
 * Start anew without address randomisation, where that is allowed: it puts up to 1 GiB of
 * nothing between the program and its heap, which a monitor of regions would have to search.
 */
static void fix_addresses(char **argv)
{
	int now = personality(0xffffffff);

	if (now < 0 || now & ADDR_NO_RANDOMIZE || personality(now | ADDR_NO_RANDOMIZE) < 0)
		return;
	execv(argv[0], argv);
}

static int map_area(struct area *area)
{
	const char *what;
	int rc = area->base ? 0 : area_map(area, &what);

	if (rc)
		fprintf(stderr, "toucher: region %s of %zu bytes: cannot %s: %s\n",
			area->name, area->size, what, strerror(-rc));
	return rc;
}

/* Before the processes part: memory that all of them are to have. */
static int map_shared(struct program *program)
{
	int rc = 0;

	for (size_t i = 0; i < program->nr_areas && !rc; i++) {
		if (area_is_shared(&program->areas[i]))
			rc = map_area(&program->areas[i]);
	}
	return rc;
}

static int map_areas(struct program *program, struct truthlog *log)
{
	int rc;

	for (size_t i = 0; i < program->nr_areas; i++) {
		struct area *area = &program->areas[i];

		rc = map_area(area);
		if (rc)
			return rc;
		truthlog_area(log, area);
		if (area->populate) {
			struct touch_record record = {
				.t0 = truthlog_now(), .tid = getpid(), .start = area->base,
				.end = area->base + area->map_size,
				.stride = sysconf(_SC_PAGESIZE), .nr = 1,
				.mode = area_is_file(area) ? TOUCH_READ : TOUCH_BOTH,
			};

			area_populate(area, 0, record.stride);
			record.t1 = truthlog_now();
			record.pass_ns = record.t1 - record.t0;
			truthlog_touch(log, &record);
		}
	}
	return 0;
}

static int run(struct family *family, struct program *program, struct truthlog *log,
	       struct halt *halt, bool control)
{
	int rc = map_areas(program, log);

	if (rc)
		return 1;
	rc = program_init_patterns(program);
	if (rc)
		return fail("start the program", "", rc);
	if (family_wait_ready(family))
		return 1;
	family_say_ready(family);
	rc = control ? control_run(family, program, log, halt) :
		family_run(family, program, log, halt);
	if (rc)
		return 1;
	truthlog_end(log);
	rc = log->error;
	return rc ? fail("write the log, which ends too early", "", -rc) : 0;
}

/* One process: the first one, or one of its family. */
static int log_and_run(struct family *family, struct program *program, const char *log_path,
		       bool control)
{
	struct truthlog log;
	struct halt halt;
	int rc = truthlog_open(&log, strcmp(log_path, "-") ? log_path : NULL);

	if (rc)
		return fail("write", log_path, rc);
	rc = halt_init(&halt);
	if (rc)
		return fail("block signals", "", rc);
	truthlog_header(&log, program->quantum_ns);
	return run(family, program, &log, &halt, control);
}

/* The log of a further process lies beside that of the first, and has its name at the end. */
static int log_path_of(char *ret, size_t size, const char *log_path, const char *process)
{
	int length = snprintf(ret, size, "%s.%s", log_path, process);

	return length < (int)size ? 0 : -ENAMETOOLONG;
}

static int read_and_run(struct program *program, int fd, const char *log_path, bool control)
{
	struct family family;
	char own_path[4096];
	size_t line;
	int process, rc = program_read(program, fd, &line);

	if (rc) {
		fprintf(stderr, "toucher: line %zu of the program: %s\n", line, strerror(-rc));
		return 1;
	}
	if (program->nr_processes && map_shared(program))
		return 1;
	process = family_fork(&family, program);
	if (process > 0) {
		control = true;
		if (log_path_of(own_path, sizeof(own_path), log_path,
				program->processes[process - 1]))
			return fail("write", log_path, -ENAMETOOLONG);
		if (strcmp(log_path, "-"))
			log_path = own_path;
	}
	if (process >= 0) {
		program_keep_process(program, process);
		rc = log_and_run(&family, program, log_path, control);
	} else {
		rc = fail("fork", "", process);
	}
	return family_end(&family, program) || rc;
}

int main(int argc, char **argv)
{
	bool control = argc == 4 && !strcmp(argv[3], "control");
	struct program program = { 0 };
	int rc;

	if (argc < 3 || (argc == 4 && !control) || argc > 4) {
		fprintf(stderr, "toucher: is started by `damon workload`\n");
		return 1;
	}
	fix_addresses(argv);
	mallopt(M_ARENA_MAX, 1);
	signal(SIGPIPE, SIG_IGN);
	rc = read_and_run(&program, atoi(argv[1]), argv[2], control);
	program_deinit(&program);
	return rc;
}
