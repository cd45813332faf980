/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of another process, by its own protections. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All @size bytes, or a negative errno: -EFAULT if some are not mapped that way. */
int memory_read(pid_t tid, uint64_t addr, void *bytes, size_t size);
int memory_write(pid_t tid, uint64_t addr, const void *bytes, size_t size);

#endif
