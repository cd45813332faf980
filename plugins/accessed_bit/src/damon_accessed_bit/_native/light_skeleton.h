/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a BPF light skeleton through bpf(2) alone: no libbpf, no headers but
 * the kernel's own.
 *
 * A light skeleton is a small BPF program (the "loader") and a block of bytes
 * for it.  Run once, the loader makes the maps and programs proper and writes
 * their file descriptors into its context.
 */
#ifndef LIGHT_SKELETON_H
#define LIGHT_SKELETON_H

#include <stddef.h>
#include <stdint.h>

/*
 * The context: this, then one of the next for each map, then one of the last
 * for each program (the layout that bpftool 7 gives it).
 */
struct light_skeleton_ctx {
	uint32_t size;
	uint32_t flags;
	uint32_t log_level;
	uint32_t log_size;
	uint64_t log_buf;
};

struct light_skeleton_map {
	int32_t fd;
	uint32_t max_entries;		/* 0: as compiled */
	uint64_t initial_value;
};

struct light_skeleton_program {
	int32_t fd;
};

/**
 * light_skeleton_load() - make the maps and programs of a light skeleton
 * @ctx: in: struct light_skeleton_ctx and what follows it; out: the descriptors
 *
 * Return: 0, or a negative errno of bpf(2) (EPERM: no CAP_BPF or CAP_PERFMON).
 */
int light_skeleton_load(const void *loader, size_t loader_size, const void *data,
			size_t data_size, void *ctx, size_t ctx_size);

/**
 * bpf_program_run() - run a BPF_PROG_TYPE_SYSCALL program once
 * @args: its context, copied in and back out
 *
 * Return: what the program returned, or a negative errno of bpf(2).
 */
int bpf_program_run(int prog_fd, void *args, size_t args_size);

/* Has the kernel bpf_loop()?  Found by loading a program that calls it wrongly. */
int bpf_has_loop(void);

#endif
