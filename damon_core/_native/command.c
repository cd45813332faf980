// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include "command.h"

/*
 * Python ignores SIGPIPE and SIGXFSZ, which exec would pass on; handlers must
 * not run between fork and exec, as they belong to the parent.  What the
 * user ignores (nohup) stays ignored.
 */
static void reset_signals(void)
{
	struct sigaction action;
	sigset_t none;

	for (int nr = 1; nr < NSIG; nr++) {
		if (sigaction(nr, NULL, &action))
			continue;
		if (action.sa_handler == SIG_DFL)
			continue;
		if (action.sa_handler == SIG_IGN && nr != SIGPIPE && nr != SIGXFSZ)
			continue;
		action.sa_handler = SIG_DFL;
		action.sa_flags = 0;
		sigaction(nr, &action, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int pass_gate(int fd)
{
	char go;
	ssize_t nr;

	do {
		nr = read(fd, &go, 1);
	} while (nr < 0 && errno == EINTR);
	return nr == 1;
}

static void __attribute__((noreturn))
run_child(const char *path, char *const argv[], char *const envp[], const int gate[2],
	  const int error[2], int stdin_fd)
{
	int err;

	setpgid(0, 0);
	close(gate[1]);		/* or the gate would never see its end when the parent dies */
	close(error[0]);
	reset_signals();
	if (stdin_fd >= 0 && dup2(stdin_fd, STDIN_FILENO) < 0)
		goto failed;
	if (!pass_gate(gate[0]))
		_exit(127);
	execve(path, argv, envp);
failed:
	err = errno;
	if (write(error[1], &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

int damon_command_start(const char *path, char *const argv[], char *const envp[],
			const int gate[2], const int error[2], int stdin_fd)
{
	sigset_t all, old;
	pid_t pid;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		run_child(path, argv, envp, gate, error, stdin_fd);
	err = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return -err;
	setpgid(pid, pid);	/* both do it: whoever comes first, it is done when either goes on */
	return pid;
}
