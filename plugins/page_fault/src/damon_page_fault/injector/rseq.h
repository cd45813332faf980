/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RSEQ_H
#define RSEQ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Is the stopped thread @tid inside a restartable sequence?  The kernel must see
 * its instruction pointer there when it goes on, or the sequence is not restarted.
 */
bool rseq_is_inside(pid_t tid, uint64_t rip);

#endif
