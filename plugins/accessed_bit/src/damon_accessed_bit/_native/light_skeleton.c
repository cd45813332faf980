// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "light_skeleton.h"

/* bpf(2) wants the size up to the last field that the caller knows. */
#define SIZE_TO(field) (offsetof(union bpf_attr, field) + sizeof(((union bpf_attr *)0)->field))

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr, size_t size)
{
	long ret = syscall(SYS_bpf, cmd, attr, size);

	return ret < 0 ? -errno : (int)ret;
}

static int data_map_create(const void *data, size_t size)
{
	union bpf_attr attr;
	uint32_t key = 0;
	int fd, err;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = sizeof(key);
	attr.value_size = (uint32_t)size;
	attr.max_entries = 1;
	memcpy(attr.map_name, "damon_loader", sizeof("damon_loader"));
	fd = sys_bpf(BPF_MAP_CREATE, &attr, SIZE_TO(map_extra));
	if (fd < 0)
		return fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)data;
	err = sys_bpf(BPF_MAP_UPDATE_ELEM, &attr, SIZE_TO(flags));
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int bpf_has_loop(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_loop },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const char license[] = "Dual BSD/GPL";
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SYSCALL;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(*insns);
	attr.license = (uintptr_t)license;
	attr.prog_flags = BPF_F_SLEEPABLE;
	fd = sys_bpf(BPF_PROG_LOAD, &attr, SIZE_TO(fd_array));
	if (fd >= 0)
		close(fd);
	/* A function that it knows is denied these arguments, any other is invalid. */
	return fd == -EACCES;
}

static int loader_create(const void *loader, size_t size, int *data_fd)
{
	static const char license[] = "Dual BSD/GPL";
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SYSCALL;
	attr.insns = (uintptr_t)loader;
	attr.insn_cnt = (uint32_t)(size / sizeof(struct bpf_insn));
	attr.license = (uintptr_t)license;
	attr.prog_flags = BPF_F_SLEEPABLE;
	attr.fd_array = (uintptr_t)data_fd;
	memcpy(attr.prog_name, "damon_loader", sizeof("damon_loader"));
	return sys_bpf(BPF_PROG_LOAD, &attr, SIZE_TO(fd_array));
}

int bpf_program_run(int prog_fd, void *args, size_t args_size)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)prog_fd;
	attr.test.ctx_in = (uintptr_t)args;
	attr.test.ctx_size_in = (uint32_t)args_size;
	err = sys_bpf(BPF_PROG_RUN, &attr, SIZE_TO(test));
	return err ? err : (int)attr.test.retval;
}

int light_skeleton_load(const void *loader, size_t loader_size, const void *data,
			size_t data_size, void *ctx, size_t ctx_size)
{
	struct light_skeleton_ctx *head = ctx;
	int data_fd, loader_fd, err;

	data_fd = data_map_create(data, data_size);
	if (data_fd < 0)
		return data_fd;
	loader_fd = loader_create(loader, loader_size, &data_fd);
	if (loader_fd < 0) {
		close(data_fd);
		return loader_fd;
	}
	head->size = (uint32_t)ctx_size;
	err = bpf_program_run(loader_fd, ctx, ctx_size);
	close(loader_fd);
	close(data_fd);
	return err < 0 ? err : 0;
}
