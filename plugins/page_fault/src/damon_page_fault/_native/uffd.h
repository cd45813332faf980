/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A userfaultfd and the mappings that it watches.  Its process may be another
 * than ours: the descriptor decides.
 *
 * All return 0 or a negative errno unless they say otherwise.
 */
#ifndef UFFD_H
#define UFFD_H

#include <stdint.h>

/* A new userfaultfd of this process, for faults in user mode; or a negative errno. */
int uffd_open(void);

/* The handshake that every userfaultfd needs once; @ret: the features the kernel has. */
int uffd_api(int fd, uint64_t features, uint64_t *ret);

/**
 * uffd_register_wp() - let the mappings in a range be write-protected
 *
 * The range may hold several mappings, and gaps; what is registered already stays so.
 *
 * Return: 0, -ENOMEM when the process has ended or executed another program, -EINVAL
 * without any mapping, -EBUSY where another userfaultfd watches, -EPERM for a shared
 * mapping that cannot be written.
 */
int uffd_register_wp(int fd, uint64_t start, uint64_t end);
int uffd_unregister(int fd, uint64_t start, uint64_t end);

/* Write-protect a registered range, pages that do not exist yet included. */
int uffd_protect(int fd, uint64_t start, uint64_t end);

#endif
