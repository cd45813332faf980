/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGE_H
#define STAGE_H

/* What was being done when it went wrong; injection.py has the same order. */
enum stage {
	STAGE_FIND,	/* read the mappings, find the instructions to use */
	STAGE_SEIZE,
	STAGE_STOP,
	STAGE_INSPECT,	/* see whether this thread can be used */
	STAGE_SECCOMP,
	STAGE_STACK,	/* find room on its stack */
	STAGE_LEAVE,	/* take it out of its own context */
	STAGE_CLONE,
	STAGE_CREATE,	/* the userfaultfd */
	STAGE_TAKE,	/* it over to this process */
	STAGE_RETURN,	/* the thread to its own context */
};

#endif
