// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <sys/ptrace.h>
#include "memory.h"
#include "rseq.h"

#define GET_RSEQ_CONFIGURATION 0x420f	/* of ptrace, since Linux 5.13 */
#define CURRENT_AT 8			/* in struct rseq: the sequence, or NULL */

struct configuration {
	uint64_t addr;
	uint32_t size;
	uint32_t signature;
	uint32_t flags;
	uint32_t padding;
};

struct sequence {
	uint32_t version;
	uint32_t flags;
	uint64_t start;
	uint64_t size;
	uint64_t abort;
};

bool rseq_is_inside(pid_t tid, uint64_t rip)
{
	struct configuration configuration;
	struct sequence sequence;
	uint64_t addr;

	if (ptrace(GET_RSEQ_CONFIGURATION, tid, sizeof(configuration), &configuration) < 0 ||
	    !configuration.addr)
		return false;
	if (memory_read(tid, configuration.addr + CURRENT_AT, &addr, sizeof(addr)) || !addr)
		return false;
	if (memory_read(tid, addr, &sequence, sizeof(sequence)))
		return false;
	return rip - sequence.start < sequence.size;
}
