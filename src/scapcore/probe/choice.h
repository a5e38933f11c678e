/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Of which threads everything is told; of others it is what changes the tables. */
#ifndef SCAPPY_PROBE_CHOICE_H
#define SCAPPY_PROBE_CHOICE_H

#include "task.h"

/* Whether all groups of a task whose paths are told are listed as those of others. */
static __noinline int is_in_listed_groups(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);

	for (int i = 0; i < PROBE_GROUPS; i++) {
		struct cgroup_subsys_state *state = state_of(set, number_of_group(i));
		u64 group;

		if (!state)
			continue;
		group = BPF_CORE_READ(state, cgroup, kn, id) | (u64)i << 56;
		if (!bpf_map_lookup_elem(&other_groups, &group))
			return 0;
	}
	return 1;
}

/* Whether the current thread is a chosen one. */
static __always_inline int is_chosen(void)
{
	u64 both = bpf_get_current_pid_tgid();
	u32 process = both >> 32, thread = (u32)both;
	u8 *known;

	if (settings.choice == CHOICE_ALL)
		return 1;
	if (settings.choice == CHOICE_PROCESS)
		return !!bpf_map_lookup_elem(&processes, &process);
	if (settings.choice == CHOICE_THREAD)
		return !!bpf_map_lookup_elem(&threads, &thread);
	known = bpf_map_lookup_elem(&choices, &thread);
	return !known || *known;
}

/* Notes whether a thread is chosen from now on. `inherits`: what it was before, or what its parent is, counts, too. */
static __always_inline void choose(struct task_struct *task, int inherits)
{
	u32 thread = BPF_CORE_READ(task, pid);
	u8 chosen;

	if (settings.choice == CHOICE_NAME) {
		struct name name = {};

		/* What lies behind its end is not part of it. */
		bpf_probe_read_kernel_str(&name, sizeof(name), task->comm);
		chosen = !!bpf_map_lookup_elem(&names, &name);
	} else if (settings.choice == CHOICE_GROUP) {
		chosen = is_in_listed_groups(task) ? 0 : 1;
	} else {
		return;
	}
	if (inherits && is_chosen())
		chosen = 1;
	/* Without room for it, it is chosen. */
	if (bpf_map_update_elem(&choices, &thread, &chosen, BPF_ANY))
		bpf_map_delete_elem(&choices, &thread);
}

static __always_inline void forget_choice(struct task_struct *task)
{
	u32 thread = BPF_CORE_READ(task, pid);

	if (settings.choice == CHOICE_NAME || settings.choice == CHOICE_GROUP)
		bpf_map_delete_elem(&choices, &thread);
}

#endif
