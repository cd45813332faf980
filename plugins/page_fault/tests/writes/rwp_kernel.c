// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded into a monitor: makes this kernel look like one with read-write protection,
 * by its write protection.  A page counts as accessed once it is written.
 *
 * Ends the process at what such a kernel refuses, or what was never to be asked.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define RWP (1ull << 17)
#define RWP_ASYNC (1ull << 18)
#define WP_UNPOPULATED (1ull << 13)
#define WP_ASYNC (1ull << 15)
#define MODE_RWP (1ull << 3)
#define RWPROTECT _IOWR(0xaa, 0x09, struct uffdio_writeprotect)
#define SCAN _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 96)
#define WRITTEN (1ull << 1)
#define ACCESSED (1ull << 9)

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof,
		returned;
};

typedef int ioctl_fn(int fd, unsigned long request, ...);

static void expect(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "the kernel would refuse it: %s\n", what);
	abort();
}

static int agree(ioctl_fn *real, int fd, struct uffdio_api *api)
{
	int rc;

	if (api->features) {
		expect(!(api->features & RWP_ASYNC) || api->features & RWP, "async without rwp");
		if (api->features & RWP)
			api->features = WP_UNPOPULATED | WP_ASYNC;
	}
	rc = real(fd, UFFDIO_API, api);
	api->features |= RWP | RWP_ASYNC;
	return rc;
}

static int scan(ioctl_fn *real, int fd, struct scan *arg)
{
	int rc;

	if (!(arg->mask & ACCESSED))
		return real(fd, SCAN, arg);
	expect(!arg->flags, "a scan for accesses that protects");
	arg->mask = arg->mask & ~ACCESSED ? 0 : WRITTEN;
	expect(arg->mask && arg->returned == ACCESSED, "other categories");
	arg->returned = WRITTEN;
	rc = real(fd, SCAN, arg);
	return rc;
}

int ioctl(int fd, unsigned long request, ...)
{
	ioctl_fn *real = (ioctl_fn *)dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == UFFDIO_API)
		return agree(real, fd, arg);
	if (request == UFFDIO_REGISTER) {
		struct uffdio_register *reg = arg;

		expect(reg->mode == MODE_RWP || reg->mode == UFFDIO_REGISTER_MODE_WP, "two modes");
		reg->mode = UFFDIO_REGISTER_MODE_WP;
	}
	if (request == RWPROTECT) {
		struct uffdio_writeprotect *protect = arg;

		expect(protect->mode == 1, "a mode of protection");
		expect(protect->range.len && !(protect->range.len % 4096), "a length");
		request = UFFDIO_WRITEPROTECT;
	}
	return request == SCAN ? scan(real, fd, arg) : real(fd, request, arg);
}
