// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include "mix.h"
#include "walker.h"

/* Small, because a monitor sees the whole of it as part of the target. */
#define STACK_SIZE (128ul << 10)

struct walker {
	struct program *program;
	struct thread_plan *plan;
	struct halt *halt;
	struct pattern_sink sink;
	uint64_t begin;
	uint64_t nr_picks;
	int error;
	pthread_t thread;
	pthread_barrier_t *start;
};

static struct pattern *pick(struct walker *walker, struct phase *phase)
{
	uint64_t at = mix64(walker->program->seed + walker->nr_picks++) % phase->total_weight;
	struct pattern *p = phase->patterns;

	while (at >= p->weight)
		at -= p++->weight;
	return p;
}

/* One turn of a pattern. */
static void take_turn(struct walker *walker, struct pattern *p, uint64_t deadline)
{
	uint64_t left = p->nr_touches;
	uint64_t done;

	do {
		bool rest = pattern_touch(p, &walker->sink, left, deadline, &done);

		left -= done < left ? done : left;
		if (rest) {
			if (p->pause_ns >= walker->sink.quantum_ns)
				pattern_flush(p, &walker->sink);
			halt_sleep(walker->halt, p->pause_ns);
		}
	} while (left && truthlog_now() < deadline && !halt_asked(walker->halt));
}

/* New memory is there from the start, as that of the area was, or comes with its first touch. */
static void populate(struct walker *walker, struct area *area, size_t offset)
{
	struct touch_record record = {
		.t0 = truthlog_now(), .tid = walker->sink.tid, .start = area->base + offset,
		.end = area->base + area->mapped, .stride = sysconf(_SC_PAGESIZE), .nr = 1,
		.mode = TOUCH_BOTH,
	};

	area_populate(area, offset, record.stride);
	record.t1 = truthlog_now();
	record.pass_ns = record.t1 - record.t0;
	truthlog_touch(walker->sink.log, &record);
}

static int resize(struct walker *walker, const struct resize *resize)
{
	struct area *area = resize->area;
	size_t before = area->mapped;
	uint64_t now = truthlog_now();
	int rc = area_resize(area, resize->size);

	if (rc) {
		fprintf(stderr, "toucher: region %s: cannot resize it to %zu bytes: %s\n",
			area->name, resize->size, strerror(-rc));
		return rc;
	}
	if (area->mapped < before)
		truthlog_resized(walker->sink.log, false, area->base + area->mapped,
				 area->base + before, now);
	if (area->mapped > before) {
		truthlog_resized(walker->sink.log, true, area->base + before,
				 area->base + area->mapped, now);
		if (area->populate)
			populate(walker, area, before);
	}
	return 0;
}

static void run_phase(struct walker *walker, struct phase *phase, uint64_t deadline)
{
	struct pattern *last = NULL;

	truthlog_phase(walker->sink.log, walker->sink.tid, phase->name, truthlog_now());
	for (size_t i = 0; i < phase->nr_resizes && !walker->error; i++)
		walker->error = resize(walker, &phase->resizes[i]);
	if (walker->error)
		return;
	while (truthlog_now() < deadline && !halt_asked(walker->halt)) {
		struct pattern *p = pick(walker, phase);

		if (last && last != p)
			pattern_flush(last, &walker->sink);
		take_turn(walker, p, deadline);
		last = p;
	}
	if (last)
		pattern_flush(last, &walker->sink);
}

static void *run(void *arg)
{
	struct walker *walker = arg;
	uint64_t deadline;

	walker->sink.tid = gettid();
	pthread_barrier_wait(walker->start);
	deadline = walker->begin;
	for (uint64_t i = 0; !walker->program->repeat || i < walker->program->repeat; i++) {
		for (size_t j = 0; j < walker->plan->nr_phases && !walker->error; j++) {
			struct phase *phase = &walker->plan->phases[j];

			deadline += phase->duration_ns;
			run_phase(walker, phase, deadline);
		}
		if (walker->error || halt_asked(walker->halt) || !walker->plan->nr_phases)
			break;
	}
	truthlog_thread_end(walker->sink.log, walker->sink.tid, truthlog_now());
	return NULL;
}

static int create(struct walker *walker)
{
	pthread_attr_t attr;
	int rc = pthread_attr_init(&attr);

	if (rc)
		return -rc;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&walker->thread, &attr, run, walker);
	pthread_attr_destroy(&attr);
	if (rc)
		fprintf(stderr, "toucher: cannot create a thread: %s\n", strerror(rc));
	return -rc;
}

int walkers_run(struct program *program, struct truthlog *log, struct halt *halt)
{
	struct walker *walkers = calloc(program->nr_threads, sizeof(*walkers));
	pthread_barrier_t start;
	int rc = 0;

	if (!walkers)
		return program->nr_threads ? -ENOMEM : 0;
	pthread_barrier_init(&start, NULL, program->nr_threads);
	for (size_t i = 0; i < program->nr_threads; i++) {
		walkers[i] = (struct walker){
			.program = program, .plan = &program->threads[i], .halt = halt,
			.sink = { .log = log, .quantum_ns = program->quantum_ns },
			.start = &start,
		};
		if (i && (rc = create(&walkers[i])))
			return rc;	/* those created wait at the barrier: the process ends */
	}
	truthlog_others(log, program->areas, program->nr_areas);
	for (size_t i = 0; i < program->nr_threads; i++)
		walkers[i].begin = truthlog_now();
	run(&walkers[0]);
	rc = walkers[0].error;
	for (size_t i = 1; i < program->nr_threads; i++) {
		pthread_join(walkers[i].thread, NULL);
		if (!rc)
			rc = walkers[i].error;
	}
	pthread_barrier_destroy(&start);
	free(walkers);
	return rc;
}
