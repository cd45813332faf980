// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <time.h>
#include "halt.h"

int halt_init(struct halt *halt)
{
	int rc;

	sigemptyset(&halt->signals);
	sigaddset(&halt->signals, SIGINT);
	sigaddset(&halt->signals, SIGTERM);
	atomic_init(&halt->asked, false);
	rc = pthread_sigmask(SIG_BLOCK, &halt->signals, NULL);
	if (rc)
		return -rc;
	halt->fd = signalfd(-1, &halt->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return halt->fd < 0 ? -errno : 0;
}

bool halt_asked(struct halt *halt)
{
	sigset_t pending;

	if (atomic_load_explicit(&halt->asked, memory_order_relaxed))
		return true;
	if (sigpending(&pending))
		return false;
	/* Left pending, so that every other thread sees it too. */
	if (!sigismember(&pending, SIGINT) && !sigismember(&pending, SIGTERM))
		return false;
	atomic_store(&halt->asked, true);
	return true;
}

void halt_sleep(struct halt *halt, uint64_t ns)
{
	struct timespec left = { .tv_sec = ns / 1000000000u, .tv_nsec = ns % 1000000000u };

	if (sigtimedwait(&halt->signals, NULL, &left) > 0)
		atomic_store(&halt->asked, true);
}
