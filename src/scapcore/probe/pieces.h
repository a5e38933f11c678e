/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Puts pieces of memory behind one another in the buffer of this CPU.
 *
 * Functions that are not static are checked by the kernel one by one, which keeps the time of loading short.
 * Their arguments are numbers, so each looks up the buffer by itself. */
#ifndef SCAPPY_PROBE_PIECES_H
#define SCAPPY_PROBE_PIECES_H

#include "maps.h"

/* Writes of a piece's length, at a place of any alignment. */
static __always_inline void put_length(struct buffer *buffer, u32 at, u32 length)
{
	at &= MOST;
	buffer->bytes[at] = length;
	buffer->bytes[at + 1] = length >> 8;
}

/* A number that the compiler shall not reason about, so that the checks before a use stay where the kernel sees them. */
#define OPAQUE(value) asm volatile("" : "+r"(value))

static __always_inline u32 least(u64 first, u32 second)
{
	return first < second ? (u32)first : second;
}

/* How many bytes may still be put at a place, so that a record and the event made of it stay within their limit. */
static __always_inline u32 room_at(u32 at)
{
	return at < 0xff00 ? 0xff00 - at : 0;
}

/* Copies of `length` bytes of user memory; all or nothing, except that the first page may do. Returns the number copied. */
__noinline u32 copy_user(u32 at, u64 pointer, u32 length)
{
	struct buffer *buffer = own_buffer();
	u32 start = at & MOST;
	u32 size = length & MOST;

	OPAQUE(start);
	OPAQUE(size);
	start &= MOST;
	size &= MOST;
	if (!buffer || !size || !pointer)
		return 0;
	if (!bpf_probe_read_user(&buffer->bytes[start], size, (void *)pointer))
		return size;
	size = 4096 - (pointer & 4095);
	if (size >= (length & MOST))
		return 0;
	if (!bpf_probe_read_user(&buffer->bytes[start], size & 4095, (void *)pointer))
		return size & 4095;
	return 0;
}

__noinline u32 put_bytes(u32 at, u64 pointer, u64 length, u32 limit)
{
	struct buffer *buffer = own_buffer();
	u32 done;

	if (!buffer)
		return at;
	at &= MOST;
	length = least(length, least(limit, room_at(at)));
	done = copy_user(at + 2, pointer, length) & MOST;
	put_length(buffer, at, done);
	return at + 2 + done;
}

__noinline u32 put_string(u32 at, u64 pointer, u32 is_kernel)
{
	struct buffer *buffer = own_buffer();
	u32 start;
	long done = 0;

	if (!buffer)
		return at;
	at &= MOST;
	start = (at + 2) & MOST;
	if (pointer && room_at(at) > PROBE_PATH)
		done = is_kernel ? bpf_probe_read_kernel_str(&buffer->bytes[start], PROBE_PATH, (void *)pointer)
				 : bpf_probe_read_user_str(&buffer->bytes[start], PROBE_PATH, (void *)pointer);
	if (done < 0)
		done = 0;
	put_length(buffer, at, done);
	return at + 2 + (u32)done;
}

static __always_inline u32 put_kernel(struct buffer *buffer, u32 at, const void *source, u32 size)
{
	at &= MOST;
	put_length(buffer, at, size);
	__builtin_memcpy(&buffer->bytes[(at + 2) & MOST], source, size);
	return at + 2 + size;
}

static __always_inline struct file *file_of(u32 number)
{
	struct files_struct *files = BPF_CORE_READ(own_task(), files);
	struct fdtable *table;
	struct file **slots, *file = NULL;

	if (!files)
		return NULL;
	table = BPF_CORE_READ(files, fdt);
	if (!table || number >= BPF_CORE_READ(table, max_fds))
		return NULL;
	slots = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &slots[number]);
	return file;
}

static __always_inline struct sock *sock_of(u32 number)
{
	struct file *file = file_of(number);
	struct inode *inode;
	struct socket *socket;

	if (!file)
		return NULL;
	inode = BPF_CORE_READ(file, f_inode);
	if (!inode || (BPF_CORE_READ(inode, i_mode) & 0170000) != 0140000)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	if (!socket || BPF_CORE_READ(socket, file) != file)
		return NULL;
	return BPF_CORE_READ(socket, sk);
}

static __always_inline int is_chosen_port(u16 port)
{
	for (int i = 0; i < PROBE_PORTS; i++) {
		if (i >= settings.port_count)
			break;
		if (settings.ports[i] == port)
			return 1;
	}
	return 0;
}

__noinline u32 port_payload_limit(u32 number)
{
	struct sock *sock = sock_of(number);
	u16 family;

	if (!sock)
		return settings.snaplen;
	family = BPF_CORE_READ(sock, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return settings.snaplen;
	if (is_chosen_port(__builtin_bswap16(BPF_CORE_READ((struct inet_sock *)sock, inet_sport))) ||
	    is_chosen_port(__builtin_bswap16(BPF_CORE_READ(sock, __sk_common.skc_dport))))
		return settings.port_snaplen;
	return settings.snaplen;
}

static __always_inline u32 payload_limit(const struct buffer *buffer, u32 number)
{
	if (!buffer->chosen)
		return 0;
	return settings.port_count ? port_payload_limit(number) : settings.snaplen;
}

/* Two words of user memory, as wide as the program has them. */
static __always_inline long read_words(const struct buffer *buffer, u64 *words, u64 pointer, u32 index)
{
	u32 narrow[2] = {};
	long failed;

	if (!buffer->narrow)
		return bpf_probe_read_user(words, 2 * sizeof(*words), (void *)(pointer + index * sizeof(*words)));
	failed = bpf_probe_read_user(narrow, sizeof(narrow), (void *)(pointer + index * sizeof(*narrow)));
	words[0] = narrow[0];
	words[1] = narrow[1];
	return failed;
}

/* The data behind an iovec, gathered; `wanted` bytes at most. */
__noinline u32 put_vectors(u32 at, u64 pointer, u64 count, u64 wanted, u32 limit)
{
	struct buffer *buffer = own_buffer();
	u64 vector[2];
	u64 total;
	u32 done;

	if (!buffer)
		return at;
	total = buffer->zero;
	done = buffer->zero;
	at &= MOST;
	limit = least(least(wanted, limit), room_at(at));
	for (u32 i = 0; i < VECTORS; i++) {
		u32 size, copied;

		if (i >= count)
			break;
		if (read_words(buffer, vector, pointer, 2 * i))
			break;
		total += vector[1];
		if (done >= limit)
			continue;
		size = least(vector[1], limit - done);
		copied = copy_user(at + 6 + done, vector[0], size);
		done = (done + copied) & MOST;
		if (copied != size)
			break;
	}
	done &= MOST;
	put_length(buffer, at, done + 4);
	/* What more parts hold is known only together, and if the call was made. */
	if (count > VECTORS && wanted != ~0ULL && total < wanted)
		total = wanted;
	if (total > 0xffffffff)
		total = 0xffffffff;
	for (int i = 0; i < 4; i++)
		buffer->bytes[((at + 2 + i) & MOST)] = total >> (8 * i);
	return at + 6 + done;
}

/* The header of a message, as programs have it: name, its length, iovec, its length, control data, its length. */
__noinline u32 put_message(u32 at, u64 pointer, u64 wanted, u32 limit)
{
	struct buffer *buffer = own_buffer();
	u64 header[6] = {};
	u32 narrow[6] = {};
	long failed;

	if (!buffer)
		return at;
	if (buffer->narrow) {
		failed = bpf_probe_read_user(narrow, sizeof(narrow), (void *)pointer);
		for (int i = 0; i < 4; i++)
			header[i] = narrow[i];
		/* Control data has another form there, which no reader knows. */
	} else {
		failed = bpf_probe_read_user(header, sizeof(header), (void *)pointer);
	}
	if (failed) {
		at = put_bytes(at, 0, 0, 0);
		at = put_bytes(at, 0, 0, 0);
		return put_bytes(at, 0, 0, 0);
	}
	at = put_vectors(at, header[2], header[3], wanted, limit);
	at = put_bytes(at, header[0], (u32)header[1], 128);
	return put_bytes(at, header[4], header[5], PROBE_PATH);
}

static __always_inline u32 overlay_layer(struct dentry *dentry, struct inode *inode)
{
	struct dentry *upper = NULL;
	u32 size = bpf_core_type_size(struct inode);

	if (!dentry || BPF_CORE_READ(dentry, d_sb, s_magic) != OVERLAYFS_MAGIC)
		return 0;
	/* Overlayfs keeps the upper entry right behind its inode. */
	bpf_probe_read_kernel(&upper, sizeof(upper), (char *)BPF_CORE_READ(dentry, d_inode) + size);
	return upper && BPF_CORE_READ(upper, d_inode, i_ino) ? 1 : 2;
}

__noinline u32 put_file(u32 at, u32 number)
{
	struct buffer *buffer = own_buffer();
	struct file *file = file_of(number);
	struct probe_file told = {};
	struct inode *inode;

	if (!buffer)
		return at;
	if (!file) {
		put_length(buffer, at, 0);
		return (at & MOST) + 2;
	}
	inode = BPF_CORE_READ(file, f_inode);
	told.mode = BPF_CORE_READ(file, f_mode);
	told.inode = BPF_CORE_READ(inode, i_ino);
	told.device = BPF_CORE_READ(inode, i_sb, s_dev);
	told.layer = overlay_layer(BPF_CORE_READ(file, f_path.dentry), inode);
	return put_kernel(buffer, at, &told, sizeof(told));
}

static __always_inline void read_socket_path(struct buffer *buffer, u32 at, struct unix_sock *sock)
{
	struct unix_address *address = sock ? BPF_CORE_READ(sock, addr) : NULL;
	char *path = (char *)&buffer->bytes[at & MOST];
	char *source;

	path[0] = 0;
	if (!address || BPF_CORE_READ(address, len) <= 2)
		return;
	source = (char *)__builtin_preserve_access_index(&address->name) + 2;
	bpf_probe_read_kernel_str(path, PROBE_SOCKET_PATH, source);
	/* A name that is not in the file system begins with NUL. */
	if (!path[0])
		bpf_probe_read_kernel_str(path, PROBE_SOCKET_PATH, source + 1);
}

__noinline u32 put_tuple(u32 at, u32 number)
{
	struct buffer *buffer = own_buffer();
	struct sock *sock = sock_of(number);
	u16 family = 0;

	if (!buffer)
		return at;
	at &= MOST;
	if (sock)
		family = BPF_CORE_READ(sock, __sk_common.skc_family);
	if (family == AF_INET || family == AF_INET6) {
		struct inet_sock *inet = (struct inet_sock *)sock;
		struct probe_inet told = {};

		told.family = family;
		told.local_port = BPF_CORE_READ(inet, inet_sport);
		told.remote_port = BPF_CORE_READ(sock, __sk_common.skc_dport);
		if (family == AF_INET) {
			u32 local = BPF_CORE_READ(inet, inet_saddr), remote = BPF_CORE_READ(sock, __sk_common.skc_daddr);

			__builtin_memcpy(told.local, &local, 4);
			__builtin_memcpy(told.remote, &remote, 4);
		} else {
			struct in6_addr address = {};

			BPF_CORE_READ_INTO(&address, inet, pinet6, saddr);
			__builtin_memcpy(told.local, &address, 16);
			BPF_CORE_READ_INTO(&address, sock, __sk_common.skc_v6_daddr);
			__builtin_memcpy(told.remote, &address, 16);
		}
		return put_kernel(buffer, at, &told, sizeof(told));
	}
	if (family == AF_UNIX) {
		struct unix_sock *own = (struct unix_sock *)sock, *peer = (struct unix_sock *)BPF_CORE_READ(own, peer);
		u64 head[3] = {AF_UNIX, (u64)own, (u64)peer};

		put_length(buffer, at, sizeof(struct probe_unix));
		__builtin_memcpy(&buffer->bytes[(at + 2) & MOST], head, sizeof(head));
		read_socket_path(buffer, at + 2 + __builtin_offsetof(struct probe_unix, own_path), own);
		read_socket_path(buffer, at + 2 + __builtin_offsetof(struct probe_unix, peer_path), peer);
		return at + 2 + sizeof(struct probe_unix);
	}
	put_length(buffer, at, 0);
	return at + 2;
}

static __always_inline u64 pages_of(struct mm_struct *memory, int kind)
{
	s64 pages = 0;

	if (bpf_core_field_exists(((struct mm_struct___counted *)0)->rss_stat.count)) {
		struct mm_struct___counted *counted = (void *)memory;

		bpf_probe_read_kernel(&pages, sizeof(pages),
				      (char *)__builtin_preserve_access_index(&counted->rss_stat.count) + 8 * kind);
	} else {
		bpf_probe_read_kernel(&pages, sizeof(pages),
				      (char *)__builtin_preserve_access_index(&memory->rss_stat) +
					      kind * bpf_core_type_size(struct percpu_counter) +
					      bpf_core_field_offset(struct percpu_counter, count));
	}
	return pages < 0 ? 0 : pages;
}

static __always_inline void read_memory(struct probe_memory *told, struct mm_struct *memory)
{
	if (!memory)
		return;
	told->size = BPF_CORE_READ(memory, total_vm) * settings.page_kilobytes;
	told->resident = (pages_of(memory, FILE_PAGES) + pages_of(memory, ANONYMOUS_PAGES) +
			  pages_of(memory, SHARED_PAGES)) * settings.page_kilobytes;
	told->swapped = pages_of(memory, SWAPPED_PAGES) * settings.page_kilobytes;
}

__noinline u32 put_memory(u32 at)
{
	struct buffer *buffer = own_buffer();
	struct probe_memory told = {};

	if (!buffer)
		return at;
	read_memory(&told, BPF_CORE_READ(own_task(), mm));
	return put_kernel(buffer, at, &told, sizeof(told));
}

__noinline u32 put_backlog(u32 at, u32 number)
{
	struct buffer *buffer = own_buffer();
	struct sock *sock = sock_of(number);
	u32 told[2] = {};

	if (!buffer)
		return at;
	if (sock) {
		told[0] = BPF_CORE_READ(sock, sk_ack_backlog);
		told[1] = BPF_CORE_READ(sock, sk_max_ack_backlog);
	}
	return put_kernel(buffer, at, told, sizeof(told));
}

struct pair {
	s32 numbers[2];
	u64 inode, own, peer;
};

__noinline u32 put_pair(u32 at, u64 pointer)
{
	struct buffer *buffer = own_buffer();
	struct pair told = {{-1, -1}};
	struct file *file;
	struct sock *sock;

	if (!buffer)
		return at;
	if (!bpf_probe_read_user(told.numbers, sizeof(told.numbers), (void *)pointer)) {
		file = file_of(told.numbers[0]);
		if (file)
			told.inode = BPF_CORE_READ(file, f_inode, i_ino);
		sock = sock_of(told.numbers[0]);
		if (sock) {
			told.own = (u64)sock;
			told.peer = (u64)BPF_CORE_READ((struct unix_sock *)sock, peer);
		}
	}
	return put_kernel(buffer, at, &told, sizeof(told));
}

__noinline u32 copy_string(u32 at, u64 pointer)
{
	struct buffer *buffer = own_buffer();
	long size;

	if (!buffer || room_at(at) <= PROBE_PATH)
		return 0;
	size = bpf_probe_read_user_str(&buffer->bytes[at & MOST], PROBE_PATH, (void *)pointer);
	return size < 0 ? 0 : (u32)size;
}

__noinline u32 put_strings(u32 at, u64 pointer)
{
	struct buffer *buffer = own_buffer();
	u32 done;

	if (!buffer)
		return at;
	done = buffer->zero;
	at &= MOST;
	for (u32 i = 0; i < STRINGS; i++) {
		u64 text = 0;
		u32 copied, width = buffer->narrow ? 4 : 8;

		if (done >= PROBE_PATH || !pointer)
			break;
		if (bpf_probe_read_user(&text, width, (void *)(pointer + i * width)) || !text)
			break;
		copied = copy_string(at + 2 + done, text);
		if (!copied)
			break;
		done = (done + copied) & MOST;
	}
	if (done > PROBE_PATH)
		done = PROBE_PATH;
	put_length(buffer, at, done);
	return at + 2 + done;
}

/* Puts one name of a path; how long it is, or 0 if there is no more room. */
__noinline u32 copy_name(u32 at, u64 name)
{
	struct buffer *buffer = own_buffer();
	long size;

	if (!buffer || room_at(at) <= 256)
		return 0;
	size = bpf_probe_read_kernel_str(&buffer->bytes[at & MOST], 256, (void *)name);
	return size < 0 ? 0 : (u32)size;
}

__noinline u32 put_path(u32 at, u64 file_pointer)
{
	struct buffer *buffer = own_buffer();
	struct file *file = (struct file *)file_pointer;
	struct dentry *entry, *top;
	struct mount *mount;
	u32 done;

	if (!buffer)
		return at;
	done = buffer->zero;
	at &= MOST;
	if (file) {
		struct vfsmount *outer = BPF_CORE_READ(file, f_path.mnt);

		entry = BPF_CORE_READ(file, f_path.dentry);
		mount = (struct mount *)((char *)outer - bpf_core_field_offset(struct mount, mnt));
		for (int i = 0; i < NAMES; i++) {
			struct dentry *parent = BPF_CORE_READ(entry, d_parent);
			u32 copied;

			top = BPF_CORE_READ(mount, mnt.mnt_root);
			if (entry == top || entry == parent) {
				struct mount *below = BPF_CORE_READ(mount, mnt_parent);

				if (entry == top && below != mount) {
					entry = BPF_CORE_READ(mount, mnt_mountpoint);
					mount = below;
					continue;
				}
				/* A file without a place, such as one in memory, has but its name. */
				if (!done)
					done = copy_name(at + 2, (u64)BPF_CORE_READ(entry, d_name.name)) & MOST;
				break;
			}
			copied = copy_name(at + 2 + done, (u64)BPF_CORE_READ(entry, d_name.name));
			if (!copied)
				break;
			done = (done + copied) & MOST;
			entry = parent;
		}
	}
	done &= MOST;
	put_length(buffer, at, done);
	return at + 2 + done;
}

/* The state of a controller for the tasks of a set; NULL if there is none. */
static __always_inline struct cgroup_subsys_state *state_of(struct css_set *set, u32 subsystem)
{
	struct cgroup_subsys_state *state = NULL;

	if (set && subsystem < 31)
		bpf_probe_read_kernel(&state, sizeof(state),
				      (char *)__builtin_preserve_access_index(&set->subsys) + 8 * (subsystem & 31));
	return state;
}

__noinline u32 put_group(u32 at, u64 task_pointer, u32 subsystem)
{
	struct buffer *buffer = own_buffer();
	struct task_struct *task = (struct task_struct *)task_pointer;
	struct cgroup_subsys_state *state;
	struct kernfs_node *node;
	u32 done;

	if (!buffer)
		return at;
	done = buffer->zero;
	at &= MOST;
	state = state_of(BPF_CORE_READ(task, cgroups), subsystem);
	if (state) {
		node = BPF_CORE_READ(state, cgroup, kn);
		for (int i = 0; i < GROUP_NAMES; i++) {
			u32 copied;

			if (!node)
				break;
			copied = copy_name(at + 2 + done, (u64)BPF_CORE_READ(node, name));
			if (!copied)
				break;
			done = (done + copied) & MOST;
			if (bpf_core_field_exists(((struct kernfs_node___plain *)0)->parent))
				node = BPF_CORE_READ((struct kernfs_node___plain *)node, parent);
			else
				node = BPF_CORE_READ(node, __parent);
		}
	}
	done &= MOST;
	put_length(buffer, at, done);
	return at + 2 + done;
}

#endif
