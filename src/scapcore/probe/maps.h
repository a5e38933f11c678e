/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the programs share: maps, settings, the buffer of each CPU, and which tasks are looked at. */
#ifndef SCAPPY_PROBE_MAPS_H
#define SCAPPY_PROBE_MAPS_H

#include <linux/bpf.h>
#include "kernel.h"
#include "record.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define PF_KTHREAD 0x00200000
#define PF_EXITING 0x00000004
#define OVERLAYFS_MAGIC 0x794c7630
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define EINPROGRESS 115
#define RLIMIT_NOFILE 7
#define SIGCHLD 17
#if defined(__TARGET_ARCH_x86)
#define RT_SIGRETURN 15
#define SOCKETCALL 102
#define LAST_SOCKET_CALL 20
#else
#define RT_SIGRETURN 139
#endif

#define COMPAT_RT_SIGRETURN 173

#define CLONE_VM 0x00000100
#define CLONE_FS 0x00000200
#define CLONE_FILES 0x00000400
#define CLONE_SIGHAND 0x00000800
#define CLONE_THREAD 0x00010000

enum { PID = 0, TGID = 1, PGID = 2 };
enum { FILE_PAGES = 0, ANONYMOUS_PAGES = 1, SWAPPED_PAGES = 2, SHARED_PAGES = 3 };

/* Room for a record of the longest length at the last place where one may begin. */
#define MOST (PROBE_RECORD_LIMIT - 1)
#define VECTORS 128
#define MESSAGES 128
#define STRINGS 64
#define NAMES 48
#define GROUP_NAMES 16
#define RELATIVES 30

const volatile struct probe_settings settings = {};

struct buffer {
	u8 bytes[2 * PROBE_RECORD_LIMIT + 16];
	u32 busy;
	u32 narrow; /* pointers and lengths in memory have 32 bits */
	u32 chosen; /* whether the thread is, see enum probe_choice */
	u32 zero; /* always: what the kernel's check of loops takes for any number, so that rounds look alike to it */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* one for each CPU */
	__type(key, u32);
	__type(value, struct buffer);
} buffers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* one for each CPU */
	__type(key, u32);
	__type(value, struct probe_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * PROBE_CALLS);
	__type(key, u32);
	__type(value, struct probe_call);
} calls SEC(".maps");

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* one for each CPU */
	__type(key, u32);
	__type(value, u32);
	__array(values, struct ring);
} rings SEC(".maps");

struct name {
	char text[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u8);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u8);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct name);
	__type(value, u8);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, u8);
} groups SEC(".maps");

/* Groups whose threads are not chosen, by number and in the upper byte the place of their controller. Those that are made
 * later are not listed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, u8);
} other_groups SEC(".maps");

/* Whether a thread is chosen, as it was when it began or when it executed its program; who is not there is. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u8);
} choices SEC(".maps");

static __always_inline struct buffer *own_buffer(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&buffers, &cpu);
}

static __always_inline struct task_struct *own_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline int is_wanted(void)
{
	u64 both = bpf_get_current_pid_tgid();
	u32 process = both >> 32, thread = (u32)both;

	/* Task 0 is what a CPU does when there is nothing to do. */
	if (!process)
		return 0;
	if (settings.own_inode) {
		struct bpf_pidns_info inner = {};

		/* The reader knows its own number in its own namespace only. */
		if (!bpf_get_ns_current_pid_tgid(settings.own_device, settings.own_inode, &inner, sizeof(inner)) &&
		    inner.tgid == settings.own_process)
			return 0;
	} else if (process == settings.own_process) {
		return 0;
	}
	if (settings.by_process && !bpf_map_lookup_elem(&processes, &process))
		return 0;
	if (settings.by_thread && !bpf_map_lookup_elem(&threads, &thread))
		return 0;
	if (settings.by_name) {
		struct name name = {};

		bpf_get_current_comm(&name, sizeof(name));
		if (!bpf_map_lookup_elem(&names, &name))
			return 0;
	}
	if (settings.by_group) {
		u64 group = bpf_get_current_cgroup_id();

		if (!bpf_map_lookup_elem(&groups, &group))
			return 0;
	}
	return 1;
}

#endif
