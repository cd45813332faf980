/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program: areas, and for each thread its phases with their patterns.
 * Read from the lines that damon_core/workload/program.py writes.
 */
#ifndef TOUCHER_PROGRAM_H
#define TOUCHER_PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include "area.h"
#include "pattern.h"

/* How much of an area is mapped from now on. */
struct resize {
	struct area *area;
	size_t size;
};

struct phase {
	char *name;		/* as it stands in JSON */
	uint64_t duration_ns;
	struct resize *resizes;	/* at its start */
	size_t nr_resizes;
	struct pattern *patterns;
	size_t nr_patterns;
	uint64_t total_weight;
};

struct thread_plan {
	size_t process;		/* 0: the first one */
	struct phase *phases;
	size_t nr_phases;
};

struct program {
	uint64_t quantum_ns;
	uint64_t seed;
	uint64_t repeat;	/* times each thread runs its phases, 0: for ever */
	struct area *areas;
	size_t nr_areas;
	char **processes;	/* names of those beside the first */
	size_t nr_processes;
	struct thread_plan *threads;
	size_t nr_threads;
};

/* On error *line is the line's number, and -EINVAL means that it makes no sense. */
int program_read(struct program *program, int fd, size_t *line);
/* Forget the threads of all other processes. */
void program_keep_process(struct program *program, size_t process);
/* Once the areas are mapped. */
int program_init_patterns(struct program *program);
void program_deinit(struct program *program);

#endif
