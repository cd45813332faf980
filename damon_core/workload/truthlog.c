// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "truthlog.h"

#define LINE_SIZE 1024
#define MAPS_LINE_SIZE 8192	/* a path of PATH_MAX bytes, escaped, and the fields before it */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
}

uint64_t truthlog_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

const char *touch_mode_name(enum touch_mode mode)
{
	return mode == TOUCH_READ ? "r" : mode == TOUCH_WRITE ? "w" : "rw";
}

static void write_line(struct truthlog *log, const char *line, size_t size)
{
	int none = 0;

	while (size) {
		ssize_t nr = write(log->fd, line, size);

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr < 0) {
			atomic_compare_exchange_strong(&log->error, &none, errno);
			return;
		}
		line += nr;
		size -= nr;
	}
}

__attribute__((format(printf, 2, 3)))
static void log_line(struct truthlog *log, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;
	int size;

	if (log->fd < 0 || atomic_load_explicit(&log->error, memory_order_relaxed))
		return;
	va_start(args, format);
	size = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (size < (int)sizeof(line))
		write_line(log, line, size);
}

int truthlog_open(struct truthlog *log, const char *path)
{
	atomic_init(&log->error, 0);
	log->fd = -1;
	if (!path)
		return 0;
	log->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	return log->fd < 0 ? -errno : 0;
}

void truthlog_header(struct truthlog *log, uint64_t quantum_ns)
{
	uint64_t before = truthlog_now();
	uint64_t realtime = clock_ns(CLOCK_REALTIME);
	uint64_t mono = before + (truthlog_now() - before) / 2;

	log_line(log, "{\"damon_truth\":1,\"pid\":%d,\"t\":%" PRIu64 ",\"realtime_offset\":%" PRIu64
		 ",\"page_size\":%ld,\"quantum_ns\":%" PRIu64 "}\n",
		 (int)getpid(), mono, realtime - mono, sysconf(_SC_PAGESIZE), quantum_ns);
}

void truthlog_area(struct truthlog *log, const struct area *area)
{
	uintptr_t start = (uintptr_t)area->base;

	log_line(log, "{\"area\":\"%s\",\"kind\":\"%s\",\"start\":%" PRIuPTR ",\"end\":%" PRIuPTR
		 ",\"size\":%zu}\n",
		 area->name, area_kind_name(area->kind), start, start + area->map_size, area->size);
}

static void log_gap(struct truthlog *log, uintptr_t start, uintptr_t end)
{
	if (start < end)
		log_line(log, "{\"other\":[%" PRIuPTR ",%" PRIuPTR "]}\n", start, end);
}

/* Log the parts of a mapping that no area covers: neighbours may share one mapping. */
static void log_mapping(struct truthlog *log, uintptr_t start, uintptr_t end,
			const struct area *areas, size_t nr_areas)
{
	while (start < end) {
		uintptr_t next = end, after = end;

		for (size_t i = 0; i < nr_areas; i++) {
			uintptr_t base = (uintptr_t)areas[i].base;

			if (base + areas[i].map_size > start && base < next) {
				next = base;
				after = base + areas[i].map_size;
			}
		}
		log_gap(log, start, next);
		start = after;
	}
}

void truthlog_others(struct truthlog *log, const struct area *areas, size_t nr_areas)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t start, end;
	char line[MAPS_LINE_SIZE];

	if (!maps)
		return;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2)
			log_mapping(log, start, end, areas, nr_areas);
	}
	fclose(maps);
}

void truthlog_resized(struct truthlog *log, bool gained, const char *start, const char *end,
		      uint64_t now)
{
	log_line(log, "{\"%s\":[%" PRIuPTR ",%" PRIuPTR "],\"t\":%" PRIu64 "}\n",
		 gained ? "mapped" : "unmapped", (uintptr_t)start, (uintptr_t)end, now);
}

void truthlog_phase(struct truthlog *log, pid_t tid, const char *name, uint64_t now)
{
	log_line(log, "{\"phase\":\"%s\",\"t\":%" PRIu64 ",\"tid\":%d}\n", name, now, (int)tid);
}

#define RECORD_FORMAT "{\"t0\":%" PRIu64 ",\"t1\":%" PRIu64 ",\"tid\":%d,\"start\":%" PRIuPTR \
	",\"end\":%" PRIuPTR ",\"stride\":%zu,\"rw\":\"%s\",\"n\":%" PRIu64
#define RECORD_VALUES(r) (r)->t0, (r)->t1, (int)(r)->tid, (uintptr_t)(r)->start, \
	(uintptr_t)(r)->end, (r)->stride, touch_mode_name((r)->mode), (r)->nr

void truthlog_touch(struct truthlog *log, const struct touch_record *record)
{
	log_line(log, RECORD_FORMAT ",\"pass_ns\":%" PRIu64 "}\n", RECORD_VALUES(record),
		 record->pass_ns);
}

void truthlog_subset(struct truthlog *log, const struct touch_record *record, uint64_t seed,
		     unsigned int permille)
{
	log_line(log, RECORD_FORMAT ",\"pass_ns\":%" PRIu64 ",\"seed\":%" PRIu64
		 ",\"permille\":%u}\n",
		 RECORD_VALUES(record), record->pass_ns, seed, permille);
}

void truthlog_random(struct truthlog *log, const struct touch_record *record, uint64_t seed,
		     uint64_t first, uint64_t nr_pages)
{
	log_line(log, RECORD_FORMAT ",\"seed\":%" PRIu64 ",\"first\":%" PRIu64
		 ",\"pages\":%" PRIu64 "}\n",
		 RECORD_VALUES(record), seed, first, nr_pages);
}

void truthlog_thread_end(struct truthlog *log, pid_t tid, uint64_t now)
{
	log_line(log, "{\"thread_end\":%d,\"t\":%" PRIu64 "}\n", (int)tid, now);
}

void truthlog_end(struct truthlog *log)
{
	log_line(log, "{\"end\":%" PRIu64 "}\n", truthlog_now());
}
