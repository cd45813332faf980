// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>
#include "wait.h"

#define NS_PER_S 1000000000ULL

int damon_wait_until(int wake_fd, uint64_t deadline_ns)
{
	struct pollfd wake = { .fd = wake_fd, .events = POLLIN };
	struct timespec left, now_ts;
	uint64_t now, nr_wakes;
	int ready;

	clock_gettime(CLOCK_MONOTONIC, &now_ts);
	now = now_ts.tv_sec * NS_PER_S + now_ts.tv_nsec;
	left.tv_sec = deadline_ns > now ? (deadline_ns - now) / NS_PER_S : 0;
	left.tv_nsec = deadline_ns > now ? (deadline_ns - now) % NS_PER_S : 0;
	ready = ppoll(&wake, 1, &left, NULL);
	if (ready < 0)
		return errno == EINTR ? 2 : -errno;
	if (!ready)
		return 0;
	if (read(wake_fd, &nr_wakes, sizeof(nr_wakes)) < 0 && errno != EAGAIN)
		return -errno;
	return 1;
}
