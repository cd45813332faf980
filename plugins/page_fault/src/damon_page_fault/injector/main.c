// SPDX-License-Identifier: Apache-2.0
/*
 * damon-injector PID TID PIDFD SOCKET own|shared
 *
 * Injects once and sends struct answer over the socket, with the userfaultfd when
 * there is one.  It is a process of its own so that neither the end of the monitor
 * nor a signal to its terminal comes in between.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "inject.h"

/* injection.py reads it. */
struct answer {
	int32_t error;		/* negative errno, 0 for success */
	int32_t stage;
	int32_t interruption;
	int32_t padding;
	int64_t call;
	int64_t stop_ns;
};

/* Where it is not permitted, this process is as likely a victim as others. */
static void exempt_from_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		dprintf(fd, "-1000");
		close(fd);
	}
}

/* The target's thread waits for us: every delay of ours is one of its. */
static void become_urgent(void)
{
	struct sched_param param = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}

static void become_hard_to_kill(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_DFL);	/* were it ignored, no tracee would be waited for */
	exempt_from_oom_killer();
}

static int send_answer(int socket, const struct answer *answer, int uffd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iovec = { (void *)(uintptr_t)answer, sizeof(*answer) };
	struct msghdr message = { .msg_iov = &iovec, .msg_iovlen = 1 };

	if (uffd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &uffd, sizeof(uffd));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct injection injection;
	struct answer answer = { 0 };

	if (argc != 6) {
		fprintf(stderr, "usage: damon-injector PID TID PIDFD SOCKET own|shared\n");
		return 2;
	}
	become_hard_to_kill();
	become_urgent();
	answer.error = inject_userfaultfd(&injection, atoi(argv[1]), atoi(argv[2]), atoi(argv[3]),
					  !strcmp(argv[5], "own"));
	answer.stage = injection.stage;
	answer.interruption = injection.interruption;
	answer.call = injection.call;
	answer.stop_ns = injection.stop_ns;
	return send_answer(atoi(argv[4]), &answer, injection.uffd) ? 1 : 0;
}
