/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the seccomp filters of a thread would do about a system call.  A filter may
 * kill the process: so this is found out by reading the filters, never by trying.
 */
#ifndef SECCOMP_FILTER_H
#define SECCOMP_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The value that a filter returns for a call; that of a broken filter kills. */
uint32_t seccomp_filter_run(const struct sock_filter *program, size_t nr,
			    const struct seccomp_data *call);

/**
 * seccomp_filter_ask() - may this thread make this call?
 * @tid: a stopped tracee of ours, in filter mode
 *
 * Return: 0 if all its filters allow it; -EACCES if one does not; -EPERM if they may
 * not be read (that needs CAP_SYS_ADMIN, and a tracer without filters); or another
 * negative errno.
 */
int seccomp_filter_ask(pid_t tid, const struct seccomp_data *call);

#endif
