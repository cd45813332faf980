// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include "perf_record.h"
#include "perf_sample.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum {
	RECORD_LOST = 2,
	RECORD_THROTTLE = 5,
	RECORD_UNTHROTTLE = 6,
	RECORD_SAMPLE = 9,
	RECORD_LOST_SAMPLES = 13,
};

/* perf_mem_data_src, its lowest bits */
enum {
	OP_LOAD = 2,
	OP_STORE = 4,
	OP_PREFETCH = 8,
	OP_EXEC = 16,
};

#define HEADER_SIZE DAMON_PERF_HEADER_SIZE
#define DIRECTIONS (DAMON_REPORT_READ | DAMON_REPORT_WRITE)
#define ADDRESSES (DAMON_REPORT_HAS_VADDR | DAMON_REPORT_HAS_PADDR)
/* In the place of a direction: */
#define NO_ACCESS UINT32_MAX
#define PREFETCH (UINT32_MAX - 1)

/* IbsOpData3, as AMD64 Architecture Programmer's Manual 2 describes it */
#define IBS_LOAD (1 << 0)
#define IBS_STORE (1 << 1)
#define IBS_PREFETCH (1 << 21)
#define IBS_WIDTH_SHIFT 22		/* log2 of the bytes, plus one; 0 if not known */
#define IBS_WIDTH_MASK 15

struct header {
	uint32_t type;
	uint16_t misc;
	uint16_t size;
};

/* What is the same for all records of a call. */
struct decoder {
	const struct damon_perf_decoding *d;
	struct perf_shape shape;
	uint64_t now_ns;
	uint64_t user_end;
	uint64_t align_mask;
	uint64_t size;
	uint32_t flags;			/* of every report */
	uint32_t needs;
	int64_t last_pid;		/* one that was asked for */
};

static struct decoder decoder_of(const struct damon_perf_decoding *d, uint64_t now_ns)
{
	uint64_t type = d->sample_type;

	return (struct decoder){
		.d = d,
		.shape = {
			.sample_type = type,
			.read_format = d->read_format,
			.branch_sample_type = d->branch_sample_type,
			.regs_user = d->regs_user,
			.regs_intr = d->regs_intr,
			.head_size = perf_size_of(type & PERF_HAS_HEAD),
			.tail_size = perf_tail_size(type),
		},
		.now_ns = now_ns,
		.user_end = d->user_end ? d->user_end : UINT64_MAX,
		.align_mask = d->align ? ~(d->align - 1) : UINT64_MAX,
		.size = d->align ? d->align : 1,
		.flags = (d->direction == DAMON_PERF_FIXED ? d->flags & DIRECTIONS : 0) |
			 (type & PERF_HAS_CPU ? DAMON_REPORT_HAS_CPU : 0) |
			 (type & PERF_HAS_TIME && d->exact_time ? DAMON_REPORT_EXACT_TIME : 0),
		.needs = d->needs ? d->needs : ADDRESSES,
		.last_pid = INT64_MIN,
	};
}

static bool is_listed(const struct damon_perf_decoding *d, int32_t pid)
{
	size_t lo = 0, hi = d->nr_pids;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->pids[mid] == pid)
			return true;
		if (d->pids[mid] < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static inline bool is_asked_for(struct decoder *x, int32_t pid)
{
	if (!x->d->nr_pids || pid == x->last_pid)
		return true;
	if (!is_listed(x->d, pid))
		return false;
	x->last_pid = pid;
	return true;
}

/* What the raw data must have for this decoding; the address replaces that of the sample. */
static inline bool use_raw(const struct damon_perf_decoding *d, struct perf_sample *s,
			   uint64_t *word)
{
	if (d->raw_addr) {
		if (s->raw_size < PERF_WORD || d->raw_addr > s->raw_size - PERF_WORD)
			return false;
		s->addr = perf_load64(s->raw + d->raw_addr);
	}
	if (d->direction == DAMON_PERF_RAW || d->direction == DAMON_PERF_IBS) {
		if (s->raw_size < PERF_WORD || d->raw_write > s->raw_size - PERF_WORD)
			return false;
		*word = perf_load64(s->raw + d->raw_write);
	}
	return true;
}

static inline uint32_t flags_of_op(const struct damon_perf_decoding *d,
				   const struct perf_sample *s)
{
	if (s->data_src & OP_STORE)
		return DAMON_REPORT_WRITE;
	if (s->data_src & OP_LOAD)
		return DAMON_REPORT_READ;
	if (s->data_src & OP_PREFETCH)
		return d->keep_prefetches ? DAMON_REPORT_READ : PREFETCH;
	if (s->data_src & OP_EXEC)
		return NO_ACCESS;
	/* An unknown operation on nothing is none on memory. */
	return s->addr || s->phys ? d->flags & DIRECTIONS : NO_ACCESS;
}

/* DATA_SRC says of what loads and stores (LOCK ADD) that it loads; the registers say both. */
static uint32_t flags_of_ibs(const struct damon_perf_decoding *d, struct perf_sample *s,
			     uint64_t data3)
{
	uint32_t width = data3 >> IBS_WIDTH_SHIFT & IBS_WIDTH_MASK;

	if (!(data3 & (IBS_LOAD | IBS_STORE)))
		return NO_ACCESS;
	if (data3 & IBS_PREFETCH && !d->keep_prefetches)
		return PREFETCH;
	s->size = width ? 1ULL << (width - 1) : 0;
	return data3 & IBS_STORE ? DAMON_REPORT_WRITE : DAMON_REPORT_READ;
}

static inline uint32_t direction_of(const struct damon_perf_decoding *d, struct perf_sample *s,
				    uint64_t word)
{
	switch (d->direction) {
	case DAMON_PERF_DATA_SRC:
		return flags_of_op(d, s);
	case DAMON_PERF_RAW:
		return word & d->write_mask ? DAMON_REPORT_WRITE : DAMON_REPORT_READ;
	case DAMON_PERF_IBS:
		return flags_of_ibs(d, s, word);
	default:
		return 0;
	}
}

static inline uint32_t weight_of(const struct damon_perf_decoding *d, const struct perf_sample *s)
{
	uint64_t weight = d->sample_type & PERF_HAS_PERIOD ? s->period : d->weight;

	return weight > UINT32_MAX ? UINT32_MAX : weight ? weight : 1;
}

static inline void fill(const struct decoder *x, const struct perf_sample *s, uint32_t flags,
			struct damon_access_report *r)
{
	r->paddr = s->phys & x->align_mask;
	r->vaddr = s->addr & x->align_mask;
	r->size = s->size ? s->size : x->size;
	r->time_ns = x->flags & DAMON_REPORT_EXACT_TIME ? s->time : x->now_ns;
	r->data_src = s->data_src;
	r->pid = s->pid;
	r->tid = s->tid;
	r->cpu = s->cpu;
	r->weight = weight_of(x->d, s);
	r->source = 0;
	r->flags = x->flags | flags | ((int32_t)s->tid > 0 ? DAMON_REPORT_HAS_TID : 0);
	r->reserved = 0;
}

/* One sample into a report, true, or into the counter that says why not. */
static inline bool decode_sample(struct decoder *x, const uint8_t *body, const uint8_t *end,
				 struct damon_access_report *report,
				 struct damon_perf_counts *counts)
{
	struct perf_sample s = { 0 };
	uint64_t word = 0;
	uint32_t flags, has;

	counts->samples++;
	if (unlikely(!perf_take_sample(&x->shape, body, end, &s) ||
		     !use_raw(x->d, &s, &word))) {
		counts->malformed++;
		return false;
	}
	if (unlikely(!is_asked_for(x, s.pid))) {
		counts->other_process++;
		return false;
	}
	flags = direction_of(x->d, &s, word);
	if (unlikely(flags >= PREFETCH)) {
		*(flags == PREFETCH ? &counts->prefetches : &counts->no_access) += 1;
		return false;
	}
	has = (s.addr ? DAMON_REPORT_HAS_VADDR : 0) | (s.phys ? DAMON_REPORT_HAS_PADDR : 0);
	if (unlikely(!(has & x->needs))) {
		counts->no_address++;
		return false;
	}
	if (unlikely(s.addr >= x->user_end)) {
		counts->kernel++;
		return false;
	}
	counts->reports++;
	fill(x, &s, flags | has, report);
	return true;
}

static void count_other(uint32_t type, const uint8_t *body, const uint8_t *end,
			struct damon_perf_counts *counts)
{
	size_t nr_words = (end - body) / PERF_WORD;

	if (type == RECORD_LOST && nr_words >= 2)
		counts->lost += perf_load64(body + PERF_WORD);	/* behind the event's id */
	else if (type == RECORD_LOST_SAMPLES && nr_words >= 1)
		counts->lost_samples += perf_load64(body);
	else if (type == RECORD_THROTTLE)
		counts->throttled++;
	else if (type != RECORD_UNTHROTTLE)
		counts->others++;
}

static inline int64_t record_size(const struct header *h, size_t len)
{
	if (unlikely(h->size < HEADER_SIZE))
		return -EBADMSG;
	return likely(h->size <= len) ? h->size : 0;
}

int64_t damon_perf_record_size(const void *bytes, size_t len)
{
	struct header h;

	if (len < HEADER_SIZE)
		return 0;
	memcpy(&h, bytes, sizeof(h));
	return record_size(&h, len);
}

size_t damon_perf_decode(const struct damon_perf_decoding *d, uint64_t now_ns, const void *bytes,
			 size_t len, struct damon_access_report *reports, size_t nr,
			 struct damon_perf_counts *counts)
{
	const uint8_t *at = bytes, *end = at + len;
	struct decoder x = decoder_of(d, now_ns);
	size_t nr_filled = 0;

	while (nr_filled < nr && (size_t)(end - at) >= HEADER_SIZE) {
		const uint8_t *body = at + HEADER_SIZE;
		struct header h;
		int64_t size;

		memcpy(&h, at, sizeof(h));
		size = record_size(&h, end - at);
		if (unlikely(size <= 0))
			break;
		at += size;
		if (likely(h.type == RECORD_SAMPLE))
			nr_filled += decode_sample(&x, body, at, &reports[nr_filled], counts);
		else
			count_other(h.type, body, at, counts);
	}
	return at - (const uint8_t *)bytes;
}
