/* SPDX-License-Identifier: Apache-2.0 */
/*
 * damon_cooperate() - let monitors watch this process without ptrace
 *
 * Put this file into a C program and call it once; link with -pthread.  Monitors of
 * root, or of the user of this process, get a userfaultfd of it from then on.
 * Returns 0 or an errno.
 */
#ifndef DAMON_COOPERATE_H
#define DAMON_COOPERATE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static inline void damon_hand_over(int peer)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* faults of user mode */);
	char answer = fd < 0 ? errno : 0;
	struct iovec data = { &answer, 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		memset(&control, 0, sizeof(control));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	}
	sendmsg(peer, &message, MSG_NOSIGNAL);
	if (fd >= 0)
		close(fd);
}

static inline void *damon_answer_monitors(void *arg)
{
	struct { int pid; unsigned int uid, gid; } who;	/* struct ucred */
	int listener = (int)(intptr_t)arg;

	for (;;) {
		int peer = accept(listener, NULL, NULL);
		socklen_t size = sizeof(who);

		if (peer < 0 && errno != EINTR && errno != ECONNABORTED)
			return NULL;
		if (peer < 0)
			continue;
		if (!getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) &&
		    (!who.uid || who.uid == geteuid()))
			damon_hand_over(peer);
		close(peer);
	}
}

static inline int damon_cooperate(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int size = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "damon-page-fault-%d",
			    (int)getpid());
	socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + size;
	sigset_t all, old;
	pthread_t thread;
	int err = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&name, length) || listen(fd, 8))
		err = errno;
	if (!err) {
		sigfillset(&all);	/* signals are for the program's own threads */
		pthread_sigmask(SIG_SETMASK, &all, &old);
		err = pthread_create(&thread, NULL, damon_answer_monitors, (void *)(intptr_t)fd);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (!err)
		pthread_detach(thread);
	else if (fd >= 0)
		close(fd);
	return err;
}

#endif
