/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The list of processes: find one, list all. */
#ifndef TASKS_BPF_H
#define TASKS_BPF_H

#include "state.bpf.h"

/* The number of a process in the caller's PID namespace, 0 if it has none there. */
static __u32 pid_seen_by(struct task_cursor *c, struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid upid = {};
	void *numbers;

	if (!pid || BPF_CORE_READ(pid, level) < c->level)
		return 0;
	numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
		  (__u64)c->level * bpf_core_type_size(struct upid);
	if (bpf_probe_read_kernel(&upid.nr, sizeof(upid.nr),
				  numbers + bpf_core_field_offset(struct upid, nr)) ||
	    bpf_probe_read_kernel(&upid.ns, sizeof(upid.ns),
				  numbers + bpf_core_field_offset(struct upid, ns)))
		return 0;
	return upid.ns == c->ns ? upid.nr : 0;
}

static struct task_cursor *start_tasks(void)
{
	struct task_cursor *c = VALUE_OF(task_state);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pid *pid;
	void *numbers;

	if (!c)
		return NULL;
	pid = BPF_CORE_READ(task, thread_pid);
	c->level = BPF_CORE_READ(pid, level);
	numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
		  (__u64)c->level * bpf_core_type_size(struct upid);
	c->ns = NULL;
	bpf_probe_read_kernel(&c->ns, sizeof(c->ns),
			      numbers + bpf_core_field_offset(struct upid, ns));
	c->first = BPF_CORE_READ(task, group_leader);
	c->task = c->first;
	c->found = NULL;
	c->nr = 0;
	c->nr_left_out = 0;
	return c;
}

static long next_task(struct task_cursor *c)
{
	struct task_struct *task = c->task;
	struct list_head *next = BPF_CORE_READ(task, tasks.next);

	if (!next)
		return STOP;
	c->task = (void *)next - bpf_core_field_offset(struct task_struct, tasks);
	return c->task == c->first ? STOP : CONTINUE;
}

static long find_task_step(__u32 i, void *unused)
{
	struct task_cursor *c = VALUE_OF(task_state);

	if (!c)
		return STOP;
	if (pid_seen_by(c, c->task) == c->pid) {
		c->found = c->task;
		return STOP;
	}
	return next_task(c);
}

/*
 * A task of an earlier run is taken again if it still has the number: memory
 * of a task that is gone has not (its thread_pid is cleared), and reads of it
 * are as harmless as all others here.
 */
static struct task_struct *find_task(__u32 pid, __u64 known)
{
	struct task_cursor *c = start_tasks();

	if (!c || !pid)
		return NULL;
	if (known && pid_seen_by(c, (void *)known) == pid)
		return (void *)known;
	c->pid = pid;
	bpf_loop(1 << 22, find_task_step, NULL, 0);
	return c->found;
}

static long list_step(__u32 i, void *unused)
{
	struct task_cursor *c = VALUE_OF(task_state);
	struct ptwalk_tables *out = VALUE_OF(tables);
	struct task_struct *task;
	__u64 mm;
	__u32 pid, n;

	if (!c || !out)
		return STOP;
	task = c->task;
	mm = (__u64)BPF_CORE_READ(task, mm);
	pid = mm ? pid_seen_by(c, task) : 0;
	if (pid) {
		n = c->nr;
		if (n < PTWALK_MAX_PROCESSES) {
			out->processes[n].pid = pid;
			out->processes[n].task = (__u64)task;
			out->processes[n].mm = mm;
			c->nr = n + 1;
		} else {
			c->nr_left_out++;
		}
	}
	return next_task(c);
}

SEC("syscall")
int list_processes(struct ptwalk_list_args *args)
{
	struct task_cursor *c = start_tasks();

	if (!c)
		return -EINVAL;
	bpf_loop(1 << 22, list_step, NULL, 0);
	args->nr = c->nr;
	args->nr_left_out = c->nr_left_out;
	return 0;
}

#endif
