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

/*
 * Features, as UFFDIO_API numbers them, for headers that are older.  Those of
 * read-write protection are as merged for Linux after 7.2, and were never run.
 */
#define UFFD_WP_UNPOPULATED (1u << 13)
#define UFFD_WP_ASYNC (1u << 15)
#define UFFD_RWP (1u << 17)
#define UFFD_RWP_ASYNC (1u << 18)

/* What of a registered page faults once it is protected. */
enum uffd_kind {
	UFFD_WRITES,
	UFFD_READS_WRITES,
};

/* A new userfaultfd of this process, for faults in user mode; or a negative errno. */
int uffd_open(void);

/* The handshake that every userfaultfd needs once; @ret: the features it has then. */
int uffd_api(int fd, uint64_t features, uint64_t *ret);

/**
 * uffd_register() - make the mappings in a range ones that can be protected
 *
 * The range may hold several mappings, and gaps; what is registered already stays so.
 *
 * Return: 0, -ENOMEM when the process has ended or executed another program, -EINVAL
 * without any mapping or for one that cannot be watched, -EBUSY where another
 * userfaultfd watches, -EPERM for a shared mapping that can never be written.
 */
int uffd_register(int fd, enum uffd_kind kind, uint64_t start, uint64_t end);

/*
 * Protect a registered range; against writes that includes pages which do not exist
 * yet, and so fills page tables.
 */
int uffd_protect(int fd, enum uffd_kind kind, uint64_t start, uint64_t end);

#endif
