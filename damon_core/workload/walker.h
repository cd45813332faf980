/* SPDX-License-Identifier: Apache-2.0 */
/* Walkers: the threads that run the phases of a program. */
#ifndef TOUCHER_WALKER_H
#define TOUCHER_WALKER_H

#include "halt.h"
#include "program.h"
#include "truthlog.h"

/*
 * Run every thread of the program to its end, or until asked to halt; the first runs in
 * the calling thread.  -errno of what one could not do, which it has said.
 */
int walkers_run(struct program *program, struct truthlog *log, struct halt *halt);

#endif
