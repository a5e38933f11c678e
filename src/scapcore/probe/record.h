/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the program in the kernel and the decoder in user space both know: records, pieces and settings. */
#ifndef SCAPPY_PROBE_RECORD_H
#define SCAPPY_PROBE_RECORD_H

#ifdef __bpf__
#include <linux/types.h>
typedef __u8 probe_u8;
typedef __u16 probe_u16;
typedef __u32 probe_u32;
typedef __s32 probe_s32;
typedef __u64 probe_u64;
typedef __s64 probe_s64;
#else
#include <stdint.h>
typedef uint8_t probe_u8;
typedef uint16_t probe_u16;
typedef uint32_t probe_u32;
typedef int32_t probe_s32;
typedef uint64_t probe_u64;
typedef int64_t probe_s64;
#endif

/* A record, with all its pieces, is shorter than this. */
#define PROBE_RECORD_LIMIT 0x10000
#define PROBE_FETCHES 6
#define PROBE_CALLS 1024 /* of programs of 64 bits; those of 32 bits come behind them */
#define PROBE_SOCKET_CALLS 1000 /* socketcall of 32-bit programs is many: each has this and its number */
#define PROBE_PORTS 16
#define PROBE_PATH 4096
#define PROBE_SOCKET_PATH 112

/* What a record tells of. */
enum probe_kind {
	PROBE_SYSCALL = 0,
	PROBE_COMPAT = 1, /* a call of a 32-bit program, which has numbers of its own */
	PROBE_EXEC = 2,
	PROBE_FORK = 3, /* told in the name of the child */
	PROBE_EXIT = 4,
	PROBE_SWITCH = 5,
	PROBE_SIGNAL = 6,
	PROBE_FAULT = 7,
	PROBE_MESSAGE = 8, /* one message of sendmmsg or recvmmsg */
	PROBE_COMPAT_MESSAGE = 9,
};

/* How a piece is fetched; each is two bytes of length, then as many bytes. */
enum probe_fetch_kind {
	FETCH_NOTHING = 0,
	FETCH_STRING = 1,    /* text in user memory */
	FETCH_INPUT = 2,     /* what a call read: as long as its result says, up to the snaplen */
	FETCH_OUTPUT = 3,    /* what a call wrote: its result, or if it failed the length in another argument */
	FETCH_FIXED = 4,     /* `extra` bytes of user memory */
	FETCH_SOCKADDR = 5,  /* an address in user memory, its length in another argument */
	FETCH_VECTORS = 6,   /* u32 sum of all lengths, then data gathered from an iovec; `extra`: of what was read */
	FETCH_MESSAGE = 7,   /* three pieces: as FETCH_VECTORS, the name, the control data; `extra` as there */
	FETCH_FILE = 8,      /* struct probe_file of a descriptor */
	FETCH_TUPLE = 9,     /* struct probe_inet or probe_unix of a descriptor */
	FETCH_POLL = 10,     /* pollfd structures, their number in another argument */
	FETCH_MEMORY = 11,   /* struct probe_memory */
	FETCH_BACKLOG = 12,  /* two u32 of a listening socket: how many wait, how many may */
	FETCH_OPTION = 13,   /* value of a socket option: length behind the pointer in another argument */
	FETCH_PAIR = 14,     /* two s32 descriptors in user memory, then u64 inode, u64 socket, u64 peer of the first */
	FETCH_TASK = 15,     /* pieces of the current task: see PROBE_TASK_PIECES */
	FETCH_STRINGS = 16,  /* texts behind an array of pointers, joined */
	FETCH_FILE_PATH = 17, /* names from the leaf to the root, each with its NUL */
	FETCH_LENGTH = 18,   /* bytes of user memory, their number in another argument, up to the snaplen */
};

enum probe_when {
	WHEN_ALWAYS = 0,
	WHEN_DONE = 1,      /* the result is not negative */
	WHEN_POSITIVE = 2,
	WHEN_FAILED = 3,
	WHEN_CONNECTED = 4, /* done, or in progress */
};

/* In place of the number of an argument. */
#define PROBE_RESULT 6

struct probe_fetch {
	probe_u8 kind;
	probe_u8 argument;
	probe_u8 size; /* number of the argument that tells the length */
	probe_u8 when;
	probe_u32 extra;
};

enum probe_program {
	PROGRAM_FETCH = 0,
	PROGRAM_MESSAGES = 1, /* one record for each message of an array */
};

/* Of which threads a call is told. */
enum probe_wanted {
	WANTED_NEVER = 0,
	WANTED_OF_CHOSEN = 1,
	WANTED_OF_ALL = 2,
};

struct probe_call {
	probe_u8 wanted;
	probe_u8 program;
	probe_u8 count;
	probe_u8 skip_done; /* told elsewhere if it succeeds (execve) */
	probe_u32 padding;
	struct probe_fetch fetches[PROBE_FETCHES];
};

struct probe_record {
	probe_u32 length;
	probe_u16 kind;
	probe_u16 call;
	probe_u64 time; /* ns since boot */
	probe_u32 tid;
	probe_u32 pid;
	probe_s64 result;
	probe_u64 arguments[6];
	probe_u32 lost; /* records that this CPU had lost before, modulo 2^32 */
	probe_u32 index;
};

struct probe_file {
	probe_u32 device; /* as in the kernel: 12 bits major, 20 bits minor */
	probe_u32 mode;   /* f_mode */
	probe_u64 inode;
	probe_u32 layer; /* of an overlay: 0 none, 1 upper, 2 lower */
	probe_u32 padding;
};

struct probe_memory {
	probe_u32 size; /* KiB, all three */
	probe_u32 resident;
	probe_u32 swapped;
	probe_u32 padding;
};

struct probe_inet {
	probe_u16 family;
	probe_u16 local_port;  /* network order, both */
	probe_u16 remote_port;
	probe_u16 padding;
	probe_u8 local[16];
	probe_u8 remote[16];
};

struct probe_unix {
	probe_u16 family;
	probe_u16 padding[3];
	probe_u64 own;
	probe_u64 peer;
	char own_path[PROBE_SOCKET_PATH];
	char peer_path[PROBE_SOCKET_PATH];
};

/* Of a task: struct probe_task, five cgroup paths (as FETCH_FILE_PATH), arguments, environment, path of the program. */
#define PROBE_TASK_PIECES 9
#define PROBE_GROUPS 5

struct probe_task {
	probe_s32 tid, pid, parent, virtual_tid, virtual_pid, group, virtual_group, level;
	probe_u32 terminal, login, user, file_user, file_group, group_id;
	probe_u32 clone_flags; /* what a child shares with its parent, as CLONE_ flags of the kernel */
	probe_u32 other_namespace; /* children are born into another namespace of pids */
	probe_u32 exe_mode, exe_user, exe_group, exe_flags, exe_layer, exe_links;
	probe_u64 exe_mount_flags, exe_inode, exe_changed, exe_modified; /* times in ns */
	probe_u64 files_limit, major_faults, minor_faults;
	probe_u64 inheritable, permitted, effective;
	probe_u64 namespace_start;
	struct probe_memory memory;
	char name[16];
};

/* What makes a thread a chosen one. Of others only what changes the tables is told, without data. */
enum probe_choice {
	CHOICE_ALL = 0,
	CHOICE_PROCESS = 1,
	CHOICE_THREAD = 2,
	CHOICE_NAME = 3,  /* the one that its last clone or execve told */
	CHOICE_GROUP = 4, /* that not all its control groups are listed */
};

struct probe_settings {
	probe_u64 own_device; /* of the reader's namespace of processes, and its inode; 0 if it is the first one */
	probe_u64 own_inode;
	probe_u32 own_process;
	probe_u32 snaplen;
	probe_u32 port_snaplen;
	probe_u32 port_count;
	probe_u16 ports[PROBE_PORTS];
	probe_u32 page_kilobytes;
	probe_u8 by_process;
	probe_u8 by_thread;
	probe_u8 by_name;
	probe_u8 by_group;
	probe_u8 follow;
	probe_u8 choice; /* enum probe_choice */
	probe_u8 all_switches; /* of threads that are not chosen, too */
	probe_u8 padding[5];
};

struct probe_counters {
	probe_u64 seen;
	probe_u64 lost;
};

#endif
