/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start a command that waits at a gate before it is executed.
 *
 * Between fork and exec the child makes only async-signal-safe calls, so any
 * thread of a process with many may start one.
 */
#ifndef DAMON_COMMAND_H
#define DAMON_COMMAND_H

/*
 * Fork a child that reads one byte from gate[0] and then executes path, in a
 * process group of its own and with the signal handling of a fresh process.
 * All descriptors are to be close-on-exec.
 *
 * End of file at the gate instead of a byte: the child exits, nothing is
 * executed.  If exec fails, its errno (an int) comes out of error[0]; end of
 * file there means that it worked.  stdin_fd >= 0 becomes standard input.
 * The pid, or a negative errno.
 */
int damon_command_start(const char *path, char *const argv[], char *const envp[],
			const int gate[2], const int error[2], int stdin_fd);

#endif
