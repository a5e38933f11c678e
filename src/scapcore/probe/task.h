/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What is told of a task when it begins, execs and ends. */
#ifndef SCAPPY_PROBE_TASK_H
#define SCAPPY_PROBE_TASK_H

#include "pieces.h"

static __always_inline s32 number_in(struct pid *pid, u32 level)
{
	s32 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number),
			      (char *)__builtin_preserve_access_index(&pid->numbers) +
				      (level & 31) * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, nr));
	return number;
}

static __always_inline struct pid_namespace *namespace_of(struct pid *pid, u32 level)
{
	struct pid_namespace *found = NULL;

	bpf_probe_read_kernel(&found, sizeof(found),
			      (char *)__builtin_preserve_access_index(&pid->numbers) +
				      (level & 31) * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, ns));
	return found;
}

static __always_inline u64 since_epoch(s64 seconds, u64 rest)
{
	return (u64)seconds * 1000000000 + rest;
}

static __always_inline void read_program(struct probe_task *told, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	told->exe_mode = BPF_CORE_READ(inode, i_mode);
	told->exe_user = BPF_CORE_READ(inode, i_uid.val);
	told->exe_group = BPF_CORE_READ(inode, i_gid.val);
	told->exe_flags = BPF_CORE_READ(inode, i_flags);
	told->exe_links = BPF_CORE_READ(inode, i_nlink);
	told->exe_inode = BPF_CORE_READ(inode, i_ino);
	told->exe_mount_flags = BPF_CORE_READ(inode, i_sb, s_flags);
	told->exe_layer = overlay_layer(BPF_CORE_READ(file, f_path.dentry), inode);
	if (bpf_core_field_exists(inode->i_ctime_sec)) {
		told->exe_changed = since_epoch(BPF_CORE_READ(inode, i_ctime_sec), BPF_CORE_READ(inode, i_ctime_nsec));
		told->exe_modified = since_epoch(BPF_CORE_READ(inode, i_mtime_sec), BPF_CORE_READ(inode, i_mtime_nsec));
	} else if (bpf_core_field_exists(((struct inode___wrapped *)0)->__i_ctime)) {
		struct inode___wrapped *wrapped = (void *)inode;

		told->exe_changed = since_epoch(BPF_CORE_READ(wrapped, __i_ctime.tv_sec),
						BPF_CORE_READ(wrapped, __i_ctime.tv_nsec));
		told->exe_modified = 0;
		if (bpf_core_field_exists(wrapped->__i_mtime))
			told->exe_modified = since_epoch(BPF_CORE_READ(wrapped, __i_mtime.tv_sec),
							 BPF_CORE_READ(wrapped, __i_mtime.tv_nsec));
		else
			told->exe_modified = since_epoch(BPF_CORE_READ((struct inode___plain *)inode, i_mtime.tv_sec),
							 BPF_CORE_READ((struct inode___plain *)inode, i_mtime.tv_nsec));
	} else {
		struct inode___plain *plain = (void *)inode;

		told->exe_changed = since_epoch(BPF_CORE_READ(plain, i_ctime.tv_sec), BPF_CORE_READ(plain, i_ctime.tv_nsec));
		told->exe_modified = since_epoch(BPF_CORE_READ(plain, i_mtime.tv_sec), BPF_CORE_READ(plain, i_mtime.tv_nsec));
	}
}

__noinline u32 put_task_numbers(u32 at, u64 task_pointer)
{
	struct buffer *buffer = own_buffer();
	struct task_struct *task = (struct task_struct *)task_pointer, *own = own_task();
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid *pid = BPF_CORE_READ(task, thread_pid), *leader, *group;
	struct pid_namespace *space, *later;
	struct tty_struct *terminal;
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct mm_struct *memory = BPF_CORE_READ(task, mm);
	struct probe_task *told;
	struct file *program;
	u32 level = BPF_CORE_READ(pid, level);

	if (!buffer)
		return at;
	at &= MOST;
	put_length(buffer, at, sizeof(*told));
	/* Too large for the stack: gathered behind all records, then copied. */
	told = (struct probe_task *)&buffer->bytes[PROBE_RECORD_LIMIT + 0x8000];
	__builtin_memset(told, 0, sizeof(*told));
	told->tid = BPF_CORE_READ(task, pid);
	told->pid = BPF_CORE_READ(task, tgid);
	told->parent = BPF_CORE_READ(task, real_parent, pid);
	told->level = level;
	told->virtual_tid = number_in(pid, level);
	leader = BPF_CORE_READ(signal, pids[TGID]);
	told->virtual_pid = number_in(leader, level);
	group = BPF_CORE_READ(signal, pids[PGID]);
	told->group = number_in(group, 0);
	told->virtual_group = level <= BPF_CORE_READ(group, level) ? number_in(group, level) : 0;
	space = namespace_of(pid, level);
	later = BPF_CORE_READ(task, nsproxy, pid_ns_for_children);
	told->other_namespace = space != later;
	told->namespace_start = BPF_CORE_READ(space, child_reaper, start_time);
	terminal = BPF_CORE_READ(signal, tty);
	if (terminal) {
		u32 minor = BPF_CORE_READ(terminal, index) + BPF_CORE_READ(terminal, driver, minor_start);

		told->terminal = BPF_CORE_READ(terminal, driver, major) << 8 | (minor & 0xff) | (minor & ~0xffU) << 12;
	}
	told->login = 0xffffffff;
	if (bpf_core_field_exists(task->loginuid))
		told->login = BPF_CORE_READ(task, loginuid.val);
	told->user = BPF_CORE_READ(cred, euid.val);
	told->group_id = BPF_CORE_READ(cred, egid.val);
	told->file_user = BPF_CORE_READ(cred, fsuid.val);
	told->file_group = BPF_CORE_READ(cred, fsgid.val);
	BPF_CORE_READ_INTO(&told->inheritable, cred, cap_inheritable);
	BPF_CORE_READ_INTO(&told->permitted, cred, cap_permitted);
	BPF_CORE_READ_INTO(&told->effective, cred, cap_effective);
	told->files_limit = BPF_CORE_READ(signal, rlim[RLIMIT_NOFILE].rlim_cur);
	told->major_faults = BPF_CORE_READ(task, maj_flt);
	told->minor_faults = BPF_CORE_READ(task, min_flt);
	if (task != own) {
		if (BPF_CORE_READ(task, tgid) == BPF_CORE_READ(own, tgid))
			told->clone_flags |= CLONE_THREAD;
		if (memory == BPF_CORE_READ(own, mm))
			told->clone_flags |= CLONE_VM;
		if (BPF_CORE_READ(task, fs) == BPF_CORE_READ(own, fs))
			told->clone_flags |= CLONE_FS;
		if (BPF_CORE_READ(task, files) == BPF_CORE_READ(own, files))
			told->clone_flags |= CLONE_FILES;
		if (BPF_CORE_READ(task, sighand) == BPF_CORE_READ(own, sighand))
			told->clone_flags |= CLONE_SIGHAND;
	}
	read_memory(&told->memory, memory);
	program = BPF_CORE_READ(memory, exe_file);
	if (program)
		read_program(told, program);
	bpf_probe_read_kernel(told->name, sizeof(told->name), task->comm);
	__builtin_memcpy(&buffer->bytes[(at + 2) & MOST], told, sizeof(*told));
	return at + 2 + sizeof(*told);
}

static __always_inline u32 number_of_group(int index)
{
	switch (index) {
	case 0:
		return bpf_core_enum_value_exists(enum cgroup_subsys_id, cpuset_cgrp_id)
			       ? bpf_core_enum_value(enum cgroup_subsys_id, cpuset_cgrp_id) : 31;
	case 1:
		return bpf_core_enum_value_exists(enum cgroup_subsys_id, cpu_cgrp_id)
			       ? bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id) : 31;
	case 2:
		return bpf_core_enum_value_exists(enum cgroup_subsys_id, cpuacct_cgrp_id)
			       ? bpf_core_enum_value(enum cgroup_subsys_id, cpuacct_cgrp_id) : 31;
	case 3:
		return bpf_core_enum_value_exists(enum cgroup_subsys_id, io_cgrp_id)
			       ? bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id) : 31;
	default:
		return bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)
			       ? bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) : 31;
	}
}

static __always_inline u32 put_group_or_nothing(u32 at, struct task_struct *task, int index)
{
	u32 number = number_of_group(index);

	return number < 31 ? put_group(at, (u64)task, number) : put_bytes(at, 0, 0, 0);
}

/* All pieces of a task. The memory of a child is that of its parent, which is running, or a copy of it. */
__noinline u32 put_task(u32 at, u64 task_pointer)
{
	struct task_struct *task = (struct task_struct *)task_pointer, *own = own_task();
	struct mm_struct *memory = BPF_CORE_READ(own, mm);
	u64 start, end;

	at = put_task_numbers(at, task_pointer);
	at = put_group_or_nothing(at, task, 0);
	at = put_group_or_nothing(at, task, 1);
	at = put_group_or_nothing(at, task, 2);
	at = put_group_or_nothing(at, task, 3);
	at = put_group_or_nothing(at, task, 4);
	start = BPF_CORE_READ(memory, arg_start);
	end = BPF_CORE_READ(memory, arg_end);
	at = put_bytes(at, start, end - start, PROBE_PATH);
	start = BPF_CORE_READ(memory, env_start);
	end = BPF_CORE_READ(memory, env_end);
	at = put_bytes(at, start, end - start, PROBE_PATH);
	return put_path(at, (u64)BPF_CORE_READ(memory, exe_file));
}

/* A thread of the process that is not ending; 0 if there is none, -1 if there are too many to say. */
static __noinline s32 living_thread(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct list_head *head = __builtin_preserve_access_index(&signal->thread_head);
	struct list_head *next = BPF_CORE_READ(head, next);

	for (int i = 0; i < RELATIVES; i++) {
		struct task_struct *other;

		if (next == head)
			return 0;
		other = (struct task_struct *)((char *)next - bpf_core_field_offset(struct task_struct, thread_node));
		if (!(BPF_CORE_READ(other, flags) & PF_EXITING))
			return BPF_CORE_READ(other, pid);
		next = BPF_CORE_READ(next, next);
	}
	return -1;
}

/* Who inherits the children: a thread of the same process, the nearest ancestor that asked for it, or the first process
 * of the namespace. 0: there are no children, or nobody inherits; -1: it would take too long to find out. */
static __noinline s32 reaper_of(struct task_struct *task)
{
	struct list_head *head = __builtin_preserve_access_index(&task->children);
	struct task_struct *reaper, *ancestor;
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct pid_namespace *space;
	u32 level = BPF_CORE_READ(pid, level);
	s32 found;

	if (BPF_CORE_READ(head, next) == head)
		return 0;
	found = living_thread(task);
	if (found)
		return found;
	space = namespace_of(pid, level);
	reaper = BPF_CORE_READ(space, child_reaper);
	if (reaper == task)
		return 0;
	if (!BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper))
		return BPF_CORE_READ(reaper, pid);
	ancestor = BPF_CORE_READ(task, real_parent);
	for (int i = 0; i < 10; i++) {
		if (ancestor == reaper || BPF_CORE_READ(ancestor, thread_pid, level) != level)
			return BPF_CORE_READ(reaper, pid);
		signal = BPF_CORE_READ(ancestor, signal);
		if (BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper)) {
			found = living_thread(ancestor);
			if (found)
				return found;
		}
		ancestor = BPF_CORE_READ(ancestor, real_parent);
	}
	return -1;
}

#endif
