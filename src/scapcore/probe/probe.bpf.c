// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What happens at the end of each system call, and when tasks begin, exec, switch, get signals and end.
 *
 * For each call a table says which pieces of memory belong to it (record.h); they are put behind one another in a
 * buffer of this CPU and handed on in one go. What they mean is found out in user space. At the end of a call
 * its arguments are still in the registers, and what they point at is in memory, as the call has just used it.
 */
#include "choice.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

__noinline u32 fetch_piece(u32 at, u64 packed)
{
	struct buffer *buffer = own_buffer();
	struct probe_record *record;
	u32 kind = packed & 0xff, number = (packed >> 8) & 0xff, size = (packed >> 16) & 0xff;
	u32 when = (packed >> 24) & 0xff, extra = packed >> 32;
	u64 argument, length;
	s64 result;
	u32 descriptor;
	u32 skipped = 0;

	if (!buffer)
		return at;
	record = (struct probe_record *)buffer->bytes;
	result = record->result;
	argument = number < 6 ? record->arguments[number] : (u64)result;
	length = size < 6 ? record->arguments[size] : (u64)result;
	descriptor = (u32)record->arguments[0];
	if (when == WHEN_DONE)
		skipped = result < 0;
	else if (when == WHEN_POSITIVE)
		skipped = result <= 0;
	else if (when == WHEN_FAILED)
		skipped = result >= 0;
	else if (when == WHEN_CONNECTED)
		skipped = result < 0 && result != -EINPROGRESS;
	if (skipped) {
		at = put_bytes(at, 0, 0, 0);
		if (kind == FETCH_MESSAGE) {
			at = put_bytes(at, 0, 0, 0);
			at = put_bytes(at, 0, 0, 0);
		}
		return at;
	}
	switch (kind) {
	case FETCH_STRING:
		return put_string(at, argument, 0);
	case FETCH_INPUT:
		return put_bytes(at, argument, result > 0 ? result : 0, payload_limit(buffer, descriptor));
	case FETCH_OUTPUT:
		return put_bytes(at, argument, result > 0 ? (u64)result : length, payload_limit(buffer, descriptor));
	case FETCH_LENGTH:
		return put_bytes(at, argument, length, settings.snaplen);
	case FETCH_FIXED:
		return put_bytes(at, argument, extra, 256);
	case FETCH_SOCKADDR:
		return put_bytes(at, argument, (u32)length, 128);
	case FETCH_VECTORS:
		return put_vectors(at, argument, length, result > 0 ? (u64)result : (extra ? 0 : ~0ULL),
				   payload_limit(buffer, descriptor));
	case FETCH_MESSAGE:
		return put_message(at, argument, result > 0 ? (u64)result : (extra ? 0 : ~0ULL), payload_limit(buffer, descriptor));
	case FETCH_FILE:
		return put_file(at, argument);
	case FETCH_TUPLE:
		return put_tuple(at, argument);
	case FETCH_POLL:
		return put_bytes(at, argument, (u64)(u32)length * 8, 128);
	case FETCH_MEMORY:
		return put_memory(at);
	case FETCH_BACKLOG:
		return put_backlog(at, argument);
	case FETCH_OPTION: {
		u32 told = 0;

		bpf_probe_read_user(&told, sizeof(told), (void *)length);
		return put_bytes(at, argument, told, 256);
	}
	case FETCH_PAIR:
		return put_pair(at, argument);
	case FETCH_TASK:
		return put_task(at, (u64)own_task());
	case FETCH_STRINGS:
		return put_strings(at, argument);
	case FETCH_FILE_PATH:
		return put_path(at, (u64)file_of(argument));
	}
	return put_bytes(at, 0, 0, 0);
}

static __always_inline void submit(struct buffer *buffer, u32 at)
{
	struct probe_record *record = (struct probe_record *)buffer->bytes;
	u32 cpu = bpf_get_smp_processor_id();
	struct probe_counters *counter = bpf_map_lookup_elem(&counters, &cpu);
	void *ring = bpf_map_lookup_elem(&rings, &cpu);

	if (!counter)
		return;
	at &= MOST;
	record->length = at;
	record->lost = counter->lost;
	counter->seen++;
	if (!ring) {
		/* A CPU that came up later. */
		counter->lost++;
		return;
	}
	/* The reader looks by itself: being woken for each event would cost more than all the rest. */
	if (bpf_ringbuf_output(ring, record, at, BPF_RB_NO_WAKEUP))
		counter->lost++;
}

/* Events that are not told are counted as those that find their ring full. */
static __always_inline void count_lost(u64 number)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct probe_counters *counter = bpf_map_lookup_elem(&counters, &cpu);

	if (counter) {
		counter->seen += number;
		counter->lost += number;
	}
}

/* Takes the buffer of this CPU. On kernels where programs can be preempted, who finds it taken counts a loss. */
static __always_inline struct buffer *begin(u32 kind)
{
	struct buffer *buffer = own_buffer();
	struct probe_record *record;
	u64 both = bpf_get_current_pid_tgid();

	if (!buffer)
		return NULL;
	if (buffer->busy) {
		count_lost(1);
		return NULL;
	}
	buffer->busy = 1;
	buffer->narrow = 0;
	record = (struct probe_record *)buffer->bytes;
	record->kind = kind;
	record->call = 0;
	record->time = bpf_ktime_get_boot_ns();
	record->tid = (u32)both;
	record->pid = both >> 32;
	record->result = 0;
	record->index = 0;
	return buffer;
}

static __always_inline void finish(struct buffer *buffer, u32 at)
{
	submit(buffer, at);
	buffer->busy = 0;
}

static __always_inline int is_compat(void)
{
#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(own_task(), thread_info.status) & 2;
#else
	return (BPF_CORE_READ(own_task(), thread_info.flags) >> 22) & 1;
#endif
}

static __always_inline void put_messages(struct buffer *buffer, struct probe_call *call)
{
	struct probe_record *record = (struct probe_record *)buffer->bytes;
	u32 descriptor = (u32)record->arguments[0], is_input = call->fetches[0].extra;
	u64 pointer = record->arguments[1];
	s64 count = record->result;
	u32 start, at, limit = payload_limit(buffer, descriptor);
	/* Of struct mmsghdr: where the length is, and where the next one begins. */
	u32 place = buffer->narrow ? 28 : 56, stride = buffer->narrow ? 32 : 64;

	record->kind = buffer->narrow ? PROBE_COMPAT_MESSAGE : PROBE_MESSAGE;
	start = put_tuple(sizeof(*record), descriptor);
	for (u32 i = 0; i < MESSAGES; i++) {
		u32 size = 0;

		if (i >= count)
			break;
		bpf_probe_read_user(&size, sizeof(size), (void *)(pointer + place));
		record->index = i;
		record->result = size;
		at = put_message(start, pointer, size || is_input ? size : ~0ULL, limit);
		submit(buffer, at);
		pointer += stride;
	}
	if (count > MESSAGES)
		count_lost(count - MESSAGES);
	record->result = count;
	buffer->busy = 0;
}

/* The arguments of a call of a 32-bit program. Calls of sockets may come as one with the real arguments in memory: then
 * the number is the one that stands for the real call. */
static __always_inline u32 read_compat_arguments(u64 *arguments, struct pt_regs *regs, u32 number)
{
#if defined(__TARGET_ARCH_x86)
	u32 words[6] = {};
	u32 kind = (u32)regs->bx;

	arguments[0] = (u32)regs->bx;
	arguments[1] = (u32)regs->cx;
	arguments[2] = (u32)regs->dx;
	arguments[3] = (u32)regs->si;
	arguments[4] = (u32)regs->di;
	arguments[5] = (u32)regs->bp;
	if (number != SOCKETCALL || !kind || kind > LAST_SOCKET_CALL)
		return number;
	/* At the end of a page there may be no more than there are arguments. */
	if (bpf_probe_read_user(words, 24, (void *)arguments[1]) && bpf_probe_read_user(words, 16, (void *)arguments[1]) &&
	    bpf_probe_read_user(words, 12, (void *)arguments[1]))
		bpf_probe_read_user(words, 8, (void *)arguments[1]);
	for (int i = 0; i < 6; i++)
		arguments[i] = words[i];
	return PROBE_SOCKET_CALLS + kind;
#else
	arguments[0] = (u32)regs->orig_x0;
	arguments[1] = (u32)regs->regs[1];
	arguments[2] = (u32)regs->regs[2];
	arguments[3] = (u32)regs->regs[3];
	arguments[4] = (u32)regs->regs[4];
	arguments[5] = (u32)regs->regs[5];
	return number;
#endif
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long result)
{
	struct probe_record *record;
	struct probe_call *call;
	struct buffer *buffer;
	u64 arguments[6] = {};
	u32 number, place, at;
	int compat, chosen;

	if (!is_wanted())
		return 0;
#if defined(__TARGET_ARCH_x86)
	number = (u32)regs->orig_ax;
#else
	number = (u32)regs->syscallno;
#endif
	compat = is_compat();
	/* Returning from a signal handler brings back the registers of another call, whose number is no more. */
	if (number == (u32)-1)
		number = compat ? COMPAT_RT_SIGRETURN : RT_SIGRETURN;
	if (compat)
		number = read_compat_arguments(arguments, regs, number);
	place = number < PROBE_CALLS ? number + (compat ? PROBE_CALLS : 0) : 2 * PROBE_CALLS;
	call = bpf_map_lookup_elem(&calls, &place);
	if (call && (!call->wanted || (call->skip_done && result == 0)))
		return 0;
	chosen = is_chosen();
	if (!chosen && (!call || call->wanted != WANTED_OF_ALL))
		return 0;
	buffer = begin(compat ? PROBE_COMPAT : PROBE_SYSCALL);
	if (!buffer)
		return 0;
	record = (struct probe_record *)buffer->bytes;
	buffer->chosen = chosen;
	buffer->narrow = compat;
	record->call = number < 0xffff ? number : 0xffff;
	record->result = result;
	if (compat) {
		__builtin_memcpy(record->arguments, arguments, sizeof(arguments));
	} else {
#if defined(__TARGET_ARCH_x86)
		record->arguments[0] = regs->di;
		record->arguments[1] = regs->si;
		record->arguments[2] = regs->dx;
		record->arguments[3] = regs->r10;
		record->arguments[4] = regs->r8;
		record->arguments[5] = regs->r9;
#else
		record->arguments[0] = regs->orig_x0;
		record->arguments[1] = regs->regs[1];
		record->arguments[2] = regs->regs[2];
		record->arguments[3] = regs->regs[3];
		record->arguments[4] = regs->regs[4];
		record->arguments[5] = regs->regs[5];
#endif
	}
	at = sizeof(*record);
	if (call) {
		if (call->program == PROGRAM_MESSAGES && result > 0) {
			put_messages(buffer, call);
			return 0;
		}
		if (call->program == PROGRAM_FETCH) {
			for (u32 i = 0; i < PROBE_FETCHES; i++) {
				if (i >= call->count)
					break;
				at = fetch_piece(at, *(u64 *)&call->fetches[i]);
			}
		}
	}
	finish(buffer, at);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	struct buffer *buffer;
	u32 at;

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	/* Who leaves a group is taken for a member until it is looked at again. */
	choose(task, settings.choice == CHOICE_GROUP);
	if (!is_wanted())
		return 0;
	buffer = begin(PROBE_EXEC);
	if (!buffer)
		return 0;
	at = put_task(sizeof(struct probe_record), (u64)own_task());
	at = put_string(at, (u64)BPF_CORE_READ(program, filename), 1);
	finish(buffer, at);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct probe_record *record;
	struct buffer *buffer;
	u32 at;

	if (BPF_CORE_READ(child, flags) & PF_KTHREAD)
		return 0;
	choose(child, 1);
	/* Whatever the parent is called: the child may have another name later. */
	if (settings.follow) {
		u64 both = bpf_get_current_pid_tgid();
		u32 own_process = both >> 32, own_thread = (u32)both;
		u32 process = BPF_CORE_READ(child, tgid), thread = BPF_CORE_READ(child, pid);
		u8 yes = 1;

		if (settings.by_process && bpf_map_lookup_elem(&processes, &own_process))
			bpf_map_update_elem(&processes, &process, &yes, BPF_ANY);
		if (settings.by_thread && bpf_map_lookup_elem(&threads, &own_thread))
			bpf_map_update_elem(&threads, &thread, &yes, BPF_ANY);
	}
	if (!is_wanted())
		return 0;
	buffer = begin(PROBE_FORK);
	if (!buffer)
		return 0;
	record = (struct probe_record *)buffer->bytes;
	record->tid = BPF_CORE_READ(child, pid);
	record->pid = BPF_CORE_READ(child, tgid);
	/* Through memory, so that the kernel takes it for a number. */
	*(volatile u64 *)&record->arguments[0] = (u64)child;
	at = put_task(sizeof(*record), *(volatile u64 *)&record->arguments[0]);
	record->arguments[0] = 0;
	finish(buffer, at);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct probe_record *record;
	struct buffer *buffer;
	u32 thread, process;
	int wanted;

	wanted = is_wanted();
	forget_choice(task);
	if (settings.follow) {
		process = BPF_CORE_READ(task, tgid);
		thread = BPF_CORE_READ(task, pid);
		if (settings.by_thread)
			bpf_map_delete_elem(&threads, &thread);
		if (settings.by_process && !living_thread(task))
			bpf_map_delete_elem(&processes, &process);
	}
	if (!wanted)
		return 0;
	buffer = begin(PROBE_EXIT);
	if (!buffer)
		return 0;
	record = (struct probe_record *)buffer->bytes;
	record->arguments[0] = (u32)BPF_CORE_READ(task, exit_code);
	record->arguments[1] = (u64)(s64)reaper_of(task);
	finish(buffer, sizeof(*record));
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempted, struct task_struct *former, struct task_struct *next)
{
	struct probe_record *record;
	struct buffer *buffer;
	u32 at;

	if (!is_wanted() || (!settings.all_switches && !is_chosen()))
		return 0;
	buffer = begin(PROBE_SWITCH);
	if (!buffer)
		return 0;
	record = (struct probe_record *)buffer->bytes;
	record->arguments[0] = BPF_CORE_READ(next, pid);
	record->arguments[1] = BPF_CORE_READ(former, maj_flt);
	record->arguments[2] = BPF_CORE_READ(former, min_flt);
	at = put_memory(sizeof(*record));
	finish(buffer, at);
	return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(on_signal, int signal, struct kernel_siginfo *information, struct k_sigaction *action)
{
	struct probe_record *record;
	struct buffer *buffer;
	/* As programs see them: number, errno, code, and behind a gap who sent it. */
	s32 told[6] = {};

	if (!is_wanted() || !is_chosen())
		return 0;
	buffer = begin(PROBE_SIGNAL);
	if (!buffer)
		return 0;
	record = (struct probe_record *)buffer->bytes;
	if (information)
		bpf_probe_read_kernel(told, sizeof(told), information);
	record->arguments[0] = signal;
	record->arguments[1] = told[2] <= 0 || signal == SIGCHLD ? (u32)told[4] : 0;
	finish(buffer, sizeof(*record));
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(on_user_fault, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	struct probe_record *record;
	struct buffer *buffer;

	if (!is_wanted() || !is_chosen())
		return 0;
	buffer = begin(PROBE_FAULT);
	if (!buffer)
		return 0;
	record = (struct probe_record *)buffer->bytes;
	record->arguments[0] = address;
#if defined(__TARGET_ARCH_x86)
	record->arguments[1] = BPF_CORE_READ(regs, ip);
#else
	record->arguments[1] = BPF_CORE_READ(regs, pc);
#endif
	record->arguments[2] = error;
	finish(buffer, sizeof(*record));
	return 0;
}
