/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flushes other processes' translations from the TLB without touching them.
 *
 * On x86-64 Linux keeps the translations of the last six address spaces on each
 * CPU (TLB_NR_DYN_ASIDS); to run one more, it drops all of the oldest.  So it is
 * enough to let a few tiny processes, each with an address space of its own, run
 * for a moment on every CPU, always in the same order.  Processors that cannot
 * tell address spaces apart drop everything at each switch anyway.
 *
 * The processes are those of the program tlb_evictor.c; this is the memory that
 * they share with the one that gives the orders.
 */
#ifndef TLB_EVICTION_H
#define TLB_EVICTION_H

#include <stdatomic.h>
#include <stdint.h>

#define TLB_EVICTION_NR 7	/* one more than the address spaces that a CPU remembers */

/**
 * struct tlb_eviction - orders and progress
 * @nr_orders: how often a flush was ordered
 * @stop: the processes are to end
 * @nr_hops: CPUs that each process has been on since it started
 * @nr_done: orders that all have followed
 */
struct tlb_eviction {
	_Atomic uint32_t nr_orders;
	_Atomic uint32_t stop;
	_Atomic uint32_t nr_hops[TLB_EVICTION_NR];
	_Atomic uint32_t nr_done;
};

#define TLB_EVICTION_SIZE sizeof(struct tlb_eviction)

/* NULL and errno on failure; the descriptor stays the caller's. */
struct tlb_eviction *tlb_eviction_map(int fd);
void tlb_eviction_unmap(struct tlb_eviction *eviction);

/* Order a flush; it comes within a millisecond or so. */
void tlb_eviction_order(struct tlb_eviction *eviction);
/* Let the processes end. */
void tlb_eviction_stop(struct tlb_eviction *eviction);
/* Wait until all orders are followed.  0, or -ETIMEDOUT. */
int tlb_eviction_wait(struct tlb_eviction *eviction, uint32_t timeout_ms);

#endif
