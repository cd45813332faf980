/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control: commands on standard input, an answer to each on standard output.
 *
 *	touch SEED PERMILLE MODE [AREA]		"done T0 T1 PAGES"
 *	loop SEED PERMILLE MODE MS [AREA]	"done T0 T1 PASSES"
 *	run					"done T0 T1 0", the phases of the program
 *	quit
 *
 * touch touches the pages that the seed chooses, once and in order; loop goes on doing it
 * for a time.  MODE is r, w or rw; AREA a number, 0 if left out; T0 and T1 are nanoseconds
 * of CLOCK_MONOTONIC before the first touch and after the last.
 */
#ifndef TOUCHER_CONTROL_H
#define TOUCHER_CONTROL_H

#include "family.h"
#include "halt.h"
#include "program.h"
#include "truthlog.h"

/* Until quit, the end of input, or a halt. */
int control_run(struct family *family, struct program *program, struct truthlog *log,
		struct halt *halt);

#endif
