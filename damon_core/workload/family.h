/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The family of a toucher: the processes of its program beside the first, each a fork that
 * obeys control over a pair of pipes, and ends when the first one does.
 */
#ifndef TOUCHER_FAMILY_H
#define TOUCHER_FAMILY_H

#include <stddef.h>
#include <sys/types.h>
#include "halt.h"
#include "program.h"
#include "truthlog.h"

struct relative {
	pid_t pid;
	int to, from;		/* its standard input and output */
};

struct family {
	struct relative *relatives;
	size_t nr;
};

/*
 * Fork a process for each further one of the program.  Returns 0 in the first process, the
 * number of the process in each other one, where standard input and output are the pipes;
 * -errno.
 */
int family_fork(struct family *family, const struct program *program);
/* Wait until all of them are ready; -ECHILD if one has ended. */
int family_wait_ready(struct family *family);
/* Write "ready", and the pids of all further processes. */
void family_say_ready(const struct family *family);
/*
 * The phases of all processes, those of this one in its own threads, to their end or until
 * asked to halt.  -errno of what one could not do, which it has said.
 */
int family_run(struct family *family, struct program *program, struct truthlog *log,
	       struct halt *halt);
/* End them all, and wait for it; -ECHILD if one failed, which it has said, or is said here. */
int family_end(struct family *family, const struct program *program);

#endif
