/* SPDX-License-Identifier: Apache-2.0 */
/* The wish to stop: SIGINT or SIGTERM, seen by every thread without a handler. */
#ifndef TOUCHER_HALT_H
#define TOUCHER_HALT_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct halt {
	sigset_t signals;
	atomic_bool asked;
	int fd;				/* a signalfd, for poll() */
};

/* Blocks the signals in this thread and those it creates later. */
int halt_init(struct halt *halt);
bool halt_asked(struct halt *halt);
void halt_sleep(struct halt *halt, uint64_t ns);

#endif
