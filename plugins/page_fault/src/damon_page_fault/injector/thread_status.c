// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "thread_status.h"

/* The text behind "@name:" at the start of a line, or "". */
static const char *value_of(const char *text, const char *name)
{
	size_t size = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, size) && line[size] == ':')
			return line + size + 1;
	}
	return "";
}

static uint64_t hex(const char *text, const char *name)
{
	return strtoull(value_of(text, name), NULL, 16);
}

static bool line_has(const char *line, const char *word)
{
	const char *found = strstr(line, word), *end = strchr(line, '\n');

	return found && (!end || found < end);
}

int thread_status_read(struct thread_status *status, pid_t tid)
{
	char path[64], text[8192];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size <= 0)
		return -ESRCH;
	text[size] = '\0';
	status->tgid = atoi(value_of(text, "Tgid"));
	status->seccomp = atoi(value_of(text, "Seccomp"));
	status->signal_pending = (hex(text, "SigPnd") | hex(text, "ShdPnd")) &
				 ~hex(text, "SigBlk");
	status->shadow_stack = line_has(value_of(text, "x86_Thread_features"), "shstk");
	return 0;
}
