// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "family.h"
#include "walker.h"

static void forget(struct relative *relative)
{
	close(relative->to);
	close(relative->from);
}

/* In the fork: of the others it holds nothing, or they would not see the first one's end. */
static int become(struct family *family, int to, int from)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (size_t i = 0; i < family->nr; i++)
		forget(&family->relatives[i]);
	family->nr = 0;
	if (dup2(to, STDIN_FILENO) < 0 || dup2(from, STDOUT_FILENO) < 0)
		return -errno;
	close(to);
	close(from);
	return 0;
}

/* 1: in the fork. */
static int fork_one(struct family *family)
{
	int in[2], out[2], rc;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC))
		return -errno;
	if (pipe2(out, O_CLOEXEC)) {
		rc = -errno;
		close(in[0]);
		close(in[1]);
		return rc;
	}
	pid = fork();
	rc = pid < 0 ? -errno : 0;
	if (pid == 0) {
		close(in[1]);
		close(out[0]);
		rc = become(family, in[0], out[1]);
		return rc ? rc : 1;
	}
	close(in[0]);
	close(out[1]);
	if (rc) {
		close(in[1]);
		close(out[0]);
		return rc;
	}
	family->relatives[family->nr++] =
		(struct relative){ .pid = pid, .to = in[1], .from = out[0] };
	return 0;
}

int family_fork(struct family *family, const struct program *program)
{
	size_t nr = program->nr_processes;
	int rc;

	*family = (struct family){ 0 };
	if (!nr)
		return 0;
	family->relatives = calloc(nr, sizeof(*family->relatives));
	if (!family->relatives)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);	/* a relative that has ended is an error, and not our end */
	for (size_t i = 0; i < nr; i++) {
		rc = fork_one(family);
		if (rc)
			return rc < 0 ? rc : (int)i + 1;
	}
	return 0;
}

/* Its next line; false when it has ended.  On a halt it is asked to halt too. */
static bool hear(struct relative *relative, struct halt *halt)
{
	struct pollfd fds[] = {
		{ .fd = relative->from, .events = POLLIN },
		{ .fd = halt ? halt->fd : -1, .events = POLLIN },
	};
	char byte;

	for (;;) {
		ssize_t nr;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			kill(relative->pid, SIGTERM);
			fds[1].fd = -1;
		}
		if (!fds[0].revents)
			continue;
		nr = read(relative->from, &byte, 1);
		if (nr == 1 && byte == '\n')
			return true;
		if (!nr || (nr < 0 && errno != EINTR))
			return false;
	}
}

int family_wait_ready(struct family *family)
{
	for (size_t i = 0; i < family->nr; i++) {
		if (!hear(&family->relatives[i], NULL))
			return -ECHILD;
	}
	return 0;
}

void family_say_ready(const struct family *family)
{
	dprintf(STDOUT_FILENO, "ready");
	for (size_t i = 0; i < family->nr; i++)
		dprintf(STDOUT_FILENO, " %d", (int)family->relatives[i].pid);
	dprintf(STDOUT_FILENO, "\n");
}

static int tell(struct relative *relative, const char *line)
{
	return write(relative->to, line, strlen(line)) < 0 ? -ECHILD : 0;
}

int family_run(struct family *family, struct program *program, struct truthlog *log,
	       struct halt *halt)
{
	int rc = 0;

	for (size_t i = 0; i < family->nr && !rc; i++)
		rc = tell(&family->relatives[i], "run\n");
	if (!rc)
		rc = walkers_run(program, log, halt);
	/* A walker that slept has taken the signal, and nothing of it is left to be heard of. */
	for (size_t i = 0; i < family->nr && (rc || halt_asked(halt)); i++)
		kill(family->relatives[i].pid, SIGTERM);
	for (size_t i = 0; i < family->nr; i++) {
		/* One that was asked to halt may have ended before it was told to run. */
		if (!hear(&family->relatives[i], halt) && !rc && !halt_asked(halt))
			rc = -ECHILD;
	}
	return rc;
}

int family_end(struct family *family, const struct program *program)
{
	int rc = 0;

	for (size_t i = 0; i < family->nr; i++) {
		kill(family->relatives[i].pid, SIGTERM);
		forget(&family->relatives[i]);
	}
	for (size_t i = 0; i < family->nr; i++) {
		int status = 0;

		while (waitpid(family->relatives[i].pid, &status, 0) < 0 && errno == EINTR)
			;
		if (status)
			rc = -ECHILD;
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM)
			fprintf(stderr, "toucher: process %s was ended by signal %d (%s)\n",
				program->processes[i], WTERMSIG(status),
				strsignal(WTERMSIG(status)));
	}
	free(family->relatives);
	*family = (struct family){ 0 };
	return rc;
}
