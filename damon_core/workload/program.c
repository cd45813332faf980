// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "program.h"

/* One more zeroed element at the end of an array; NULL: no memory. */
static void *append(void *array, size_t *nr, size_t size)
{
	char **elements = array;
	char *grown = reallocarray(*elements, *nr + 1, size);

	if (!grown)
		return NULL;
	*elements = grown;
	return memset(grown + size * (*nr)++, 0, size);
}

static struct phase *last_phase(struct program *program)
{
	struct thread_plan *thread;

	if (!program->nr_threads)
		return NULL;
	thread = &program->threads[program->nr_threads - 1];
	return thread->nr_phases ? &thread->phases[thread->nr_phases - 1] : NULL;
}

static int keep_text(char **ret, const char *text)
{
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int read_number(uint64_t *ret, const char *text)
{
	return sscanf(text, "%" SCNu64, ret) == 1 ? 0 : -EINVAL;
}

/* KIND SIZE POPULATE NAME */
static int read_area(struct program *program, const char *text)
{
	struct area *area = append(&program->areas, &program->nr_areas, sizeof(*area));
	int populate, end = 0;
	char kind[16];

	if (!area)
		return -ENOMEM;
	if (sscanf(text, "%15s %zu %d %n", kind, &area->size, &populate, &end) != 3 || !end)
		return -EINVAL;
	area->populate = populate;
	if (!area->size || area_kind_parse(kind, &area->kind))
		return -EINVAL;
	return keep_text(&area->name, text + end);
}

static int read_area_path(struct program *program, const char *text, size_t member)
{
	struct area *area;

	if (!program->nr_areas)
		return -EINVAL;
	area = &program->areas[program->nr_areas - 1];
	return keep_text((char **)((char *)area + member), text);
}

/* NAME */
static int read_process(struct program *program, const char *text)
{
	char **name = append(&program->processes, &program->nr_processes, sizeof(*name));

	return name ? keep_text(name, text) : -ENOMEM;
}

static int read_thread(struct program *program)
{
	struct thread_plan *thread = append(&program->threads, &program->nr_threads,
					    sizeof(*thread));

	if (!thread)
		return -ENOMEM;
	thread->process = program->nr_processes;
	return 0;
}

/* DURATION_NS NAME */
static int read_phase(struct program *program, const char *text)
{
	struct thread_plan *thread;
	struct phase *phase;
	int end = 0;

	if (!program->nr_threads)
		return -EINVAL;
	thread = &program->threads[program->nr_threads - 1];
	phase = append(&thread->phases, &thread->nr_phases, sizeof(*phase));
	if (!phase)
		return -ENOMEM;
	if (sscanf(text, "%" SCNu64 " %n", &phase->duration_ns, &end) != 1 || !end)
		return -EINVAL;
	return keep_text(&phase->name, text + end);
}

/* AREA SIZE */
static int read_resize(struct program *program, const char *text)
{
	struct phase *phase = last_phase(program);
	struct resize *resize;
	size_t area;

	if (!phase)
		return -EINVAL;
	resize = append(&phase->resizes, &phase->nr_resizes, sizeof(*resize));
	if (!resize)
		return -ENOMEM;
	if (sscanf(text, "%zu %zu", &area, &resize->size) != 2 || area >= program->nr_areas)
		return -EINVAL;
	resize->area = &program->areas[area];
	return area_can_resize(resize->area, resize->size) ? 0 : -EINVAL;
}

static int read_mode(enum touch_mode *ret, const char *text)
{
	for (int mode = TOUCH_READ; mode <= TOUCH_BOTH; mode++) {
		if (!strcmp(text, touch_mode_name(mode))) {
			*ret = mode;
			return 0;
		}
	}
	return -EINVAL;
}

/* AREA OFFSET LENGTH STRIDE RANDOM MODE WEIGHT TOUCHES PAUSE_NS */
static int read_pattern(struct program *program, const char *text)
{
	struct phase *phase = last_phase(program);
	struct pattern *p;
	size_t area;
	char mode[4];
	int random;

	if (!phase)
		return -EINVAL;
	p = append(&phase->patterns, &phase->nr_patterns, sizeof(*p));
	if (!p)
		return -ENOMEM;
	if (sscanf(text, "%zu %zu %zu %zu %d %3s %u %" SCNu64 " %" SCNu64, &area, &p->offset,
		   &p->length, &p->stride, &random, mode, &p->weight, &p->nr_touches,
		   &p->pause_ns) != 9)
		return -EINVAL;
	if (area >= program->nr_areas || !p->nr_touches || read_mode(&p->mode, mode))
		return -EINVAL;
	p->area = &program->areas[area];
	p->random = random;
	phase->total_weight += p->weight;
	return 0;
}

static int read_line(struct program *program, char *line)
{
	char *text = strchr(line, ' ');

	if (text)
		*text++ = '\0';
	else
		text = line + strlen(line);
	if (!strcmp(line, "quantum_ns"))
		return read_number(&program->quantum_ns, text);
	if (!strcmp(line, "seed"))
		return read_number(&program->seed, text);
	if (!strcmp(line, "repeat"))
		return read_number(&program->repeat, text);
	if (!strcmp(line, "area"))
		return program->nr_threads ? -EINVAL : read_area(program, text);
	if (!strcmp(line, "file"))
		return read_area_path(program, text, offsetof(struct area, file_path));
	if (!strcmp(line, "load"))
		return read_area_path(program, text, offsetof(struct area, load_path));
	if (!strcmp(line, "process"))
		return read_process(program, text);
	if (!strcmp(line, "resize"))
		return read_resize(program, text);
	if (!strcmp(line, "thread"))
		return read_thread(program);
	if (!strcmp(line, "phase"))
		return read_phase(program, text);
	if (!strcmp(line, "pattern"))
		return read_pattern(program, text);
	return -EINVAL;
}

int program_read(struct program *program, int fd, size_t *line)
{
	FILE *file = fdopen(fd, "r");
	char *text = NULL;
	size_t room = 0;
	int rc = 0;

	*line = 0;
	if (!file)
		return -errno;
	while (!rc && getline(&text, &room, file) >= 0) {
		text[strcspn(text, "\n")] = '\0';
		++*line;
		rc = read_line(program, text);
	}
	free(text);
	fclose(file);
	return rc;
}

int program_init_patterns(struct program *program)
{
	uint64_t seed = program->seed;
	int rc = 0;

	for (size_t t = 0; t < program->nr_threads; t++) {
		struct thread_plan *thread = &program->threads[t];

		for (size_t i = 0; i < thread->nr_phases; i++) {
			struct phase *phase = &thread->phases[i];

			if (!phase->total_weight)
				return -EINVAL;
			for (size_t j = 0; j < phase->nr_patterns && !rc; j++)
				rc = pattern_init(&phase->patterns[j], seed += UINT32_MAX);
		}
	}
	return rc;
}

static void thread_deinit(struct thread_plan *thread)
{
	for (size_t i = 0; i < thread->nr_phases; i++) {
		struct phase *phase = &thread->phases[i];

		for (size_t j = 0; j < phase->nr_patterns; j++)
			pattern_deinit(&phase->patterns[j]);
		free(phase->patterns);
		free(phase->resizes);
		free(phase->name);
	}
	free(thread->phases);
}

void program_keep_process(struct program *program, size_t process)
{
	size_t nr = 0;

	for (size_t t = 0; t < program->nr_threads; t++) {
		if (program->threads[t].process == process)
			program->threads[nr++] = program->threads[t];
		else
			thread_deinit(&program->threads[t]);
	}
	program->nr_threads = nr;
}

void program_deinit(struct program *program)
{
	for (size_t t = 0; t < program->nr_threads; t++)
		thread_deinit(&program->threads[t]);
	for (size_t i = 0; i < program->nr_processes; i++)
		free(program->processes[i]);
	for (size_t i = 0; i < program->nr_areas; i++) {
		free(program->areas[i].name);
		free(program->areas[i].load_path);
		free(program->areas[i].file_path);
	}
	free(program->processes);
	free(program->threads);
	free(program->areas);
}
