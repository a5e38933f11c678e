"""Thread groups, parents and orphans under the newest libraries' rules (state engine, section 3.3). Internal to the core.

A main thread stays until the last thread of its group has gone, and the children of a thread that goes get a new
parent, as in the kernel. A thread about which nothing is known (its process or parent id is negative) is *invalid*:
it belongs to no group and has no parent.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc

from scapcore.hashing cimport map_get, map_put, map_remove
from scapcore.state cimport *

cdef uint64_t TIDY_CHILDREN = 10
cdef uint64_t DEPARTURE_AGE = 2 * 1000000000
cdef int LONGEST_LINE = 4096     # of ancestors; more of them is a loop


cdef bint is_invalid(State* state, const Thread* thread) noexcept nogil:
    """True for a thread that was made up since an event named it."""
    return thread.tid < 0 or thread.pid < 0 or thread_row(state, thread.row).ptid < 0


cdef void set_parent(State* state, Thread* thread, int64_t ptid) noexcept nogil:
    if thread_row(state, thread.row).ptid != ptid:
        thread_edit(state, thread).ptid = ptid


# Groups


cdef Group* group_of(State* state, int64_t pid) noexcept nogil:
    cdef uint32_t number = map_get(&state.by_group, pid)
    return state.groups[number] if number else NULL


cdef Group* group_new(State* state, int64_t pid) noexcept nogil:
    cdef Group* group = <Group*>calloc(1, sizeof(Group))
    cdef Group** grown
    cdef uint32_t number, capacity
    if group == NULL:
        state.failed = 1
        return NULL
    if state.groups_free_count:
        state.groups_free_count -= 1
        number = state.groups_free[state.groups_free_count]
    else:
        if state.group_count >= state.group_capacity:
            capacity = state.group_capacity * 2 if state.group_capacity else 256
            grown = <Group**>realloc(state.groups, capacity * sizeof(Group*))
            if grown == NULL:
                state.failed = 1
                free(group)
                return NULL
            state.groups = grown
            state.group_capacity = capacity
            if state.group_count == 0:
                state.groups[0] = NULL      # number 0 means none
                state.group_count = 1
        number = state.group_count
        state.group_count += 1
    state.groups[number] = group
    group.pid = pid
    group.listed = number
    if not map_put(&state.by_group, pid, number):
        state.failed = 1
    return group


cdef void group_drop(State* state, Group* group) noexcept nogil:
    """Free a group that neither a process id nor a thread refers to any more."""
    if not group.listed and not group.members:
        free(group)


cdef void group_unlist(State* state, int64_t pid) noexcept nogil:
    cdef uint32_t number = map_remove(&state.by_group, pid)
    cdef Group* group
    if not number:
        return
    group = state.groups[number]
    state.groups[number] = NULL
    list_push(state, &state.groups_free, &state.groups_free_count, &state.groups_free_capacity, number)
    group.listed = 0
    group_drop(state, group)


cdef void group_add(State* state, Group* group, Thread* thread) noexcept nogil:
    """Put a thread into a group; the main thread is always the first."""
    thread.group = group
    thread.group_next = thread.group_previous = NULL
    if group.first == NULL:
        group.first = group.last = thread
    elif is_main(thread):
        thread.group_next = group.first
        group.first.group_previous = thread
        group.first = thread
    else:
        thread.group_previous = group.last
        group.last.group_next = thread
        group.last = thread
    group.members += 1
    group.alive += 1
    count_children(state, group)


cdef void count_children(State* state, Group* group) noexcept nogil:
    """Tell the main thread how many others there are."""
    cdef Thread* main = group.first
    cdef uint64_t others
    if main == NULL or not is_main(main):
        return
    others = group.alive - (0 if main.flags & CLONE_CLOSED else 1) if group.alive else 0
    if thread_row(state, main.row).children != others:
        thread_edit(state, main).children = others


# Children


cdef void child_unlink(Thread* child) noexcept nogil:
    """Take a thread out of the list of its parent."""
    cdef Thread* mother = child.mother
    if mother == NULL:
        return
    if child.child_previous != NULL:
        child.child_previous.child_next = child.child_next
    else:
        mother.first_child = child.child_next
    if child.child_next != NULL:
        child.child_next.child_previous = child.child_previous
    mother.children_there -= 1
    child.mother = child.child_next = child.child_previous = NULL


cdef void child_add(State* state, Thread* mother, Thread* child) noexcept nogil:
    child_unlink(child)
    child.mother = mother
    child.child_next = mother.first_child
    if mother.first_child != NULL:
        mother.first_child.child_previous = child
    mother.first_child = child
    mother.children_there += 1
    mother.children_known += 1
    mother.children_alive += 1
    set_parent(state, child, mother.tid)


cdef void child_gone(State* state, int64_t ptid) noexcept nogil:
    """Tell the parent of a thread that it is about to go."""
    cdef Thread* mother = thread_find(state, ptid)
    if mother == NULL:
        return
    mother.children_alive -= 1
    if mother.children_known - mother.children_alive >= TIDY_CHILDREN:
        mother.children_known = mother.children_there


# Coming


cdef void join_family(State* state, Thread* thread) noexcept nogil:
    """Give a thread its group and its parent; one that is invalid or has a group already is left alone."""
    cdef Group* group
    cdef Thread* mother
    if thread.group != NULL or is_invalid(state, thread):
        return
    group = group_of(state, thread.pid)
    if group == NULL:
        group = group_new(state, thread.pid)
        if group == NULL:
            return
        group.reaper = thread.pid == 1 or thread_row(state, thread.row).vpid == 1
    group_add(state, group, thread)
    if thread.pid == 1:
        return
    mother = thread_find(state, thread_row(state, thread.row).ptid)
    if mother == NULL or is_invalid(state, mother) or mother == thread:
        set_parent(state, thread, 0)
        return
    child_add(state, mother, thread)


cdef Thread* family_thread(State* state, int64_t tid) noexcept nogil:
    """A new thread in the place of whatever has its id; NULL when the table is full."""
    cdef Thread* old = thread_find(state, tid)
    if old != NULL:
        erase(state, old)
    return thread_new(state, tid)


# Going


cdef void erase(State* state, Thread* thread) noexcept nogil:
    """Take a thread out of the table and out of every list."""
    cdef Group* group = thread.group
    cdef Thread* child = thread.first_child
    cdef Thread* following
    while child != NULL:
        following = child.child_next
        child.mother = child.child_next = child.child_previous = NULL
        child = following
    child_unlink(thread)
    if group != NULL:
        if thread.group_previous != NULL:
            thread.group_previous.group_next = thread.group_next
        else:
            group.first = thread.group_next
        if thread.group_next != NULL:
            thread.group_next.group_previous = thread.group_previous
        else:
            group.last = thread.group_previous
        group.members -= 1
        group_drop(state, group)
    thread_erase(state, thread)


cdef bint in_namespace(State* state, const Thread* thread) noexcept nogil:
    cdef ThreadRow* row = thread_row(state, thread.row)
    return thread.flags & CLONE_CHILD_IN_PIDNS != 0 or (row.vtid != thread.tid and row.vtid >= 0)


cdef Thread* first_alive(Group* group, const Thread* but) noexcept nogil:
    cdef Thread* thread = group.first
    while thread != NULL:
        if thread != but and not thread.flags & CLONE_CLOSED:
            return thread
        thread = thread.group_next
    return NULL


cdef Thread* find_reaper(State* state, Thread* thread) noexcept nogil:
    """Who takes over the children of a thread: its own group, else the nearest reaper among its ancestors, else NULL."""
    cdef Thread* found
    cdef Thread* ancestor
    cdef bint inside = in_namespace(state, thread)
    cdef int step
    if thread.group != NULL and thread.group.alive:
        found = first_alive(thread.group, thread)
        if found != NULL:
            return found
    ancestor = thread_find(state, thread_row(state, thread.row).ptid)
    for step in range(LONGEST_LINE):
        if ancestor == NULL or ancestor == thread or in_namespace(state, ancestor) != inside:
            return NULL
        if ancestor.group != NULL and ancestor.group.reaper and ancestor.group.alive:
            found = first_alive(ancestor.group, NULL)
            if found != NULL:
                return found
        ancestor = thread_find(state, thread_row(state, ancestor.row).ptid)
    return NULL


cdef void give_children(State* state, Thread* thread) noexcept nogil:
    """Find a new parent for the children of a thread that goes."""
    cdef Thread* reaper = NULL
    cdef Thread* child
    if not thread.children_known:
        return
    if thread.reaper > 0:
        reaper = thread_get(state, thread.reaper)
    if reaper == NULL or is_invalid(state, reaper):
        reaper = find_reaper(state, thread)
    if reaper == thread:
        reaper = NULL
    if reaper != NULL and reaper.pid != thread.pid and reaper.group != NULL:
        reaper.group.reaper = 1
    while thread.first_child != NULL:
        child = thread.first_child
        child_unlink(child)
        if reaper == NULL:
            set_parent(state, child, 0)
        else:
            child_add(state, reaper, child)
    thread.children_known = thread.children_alive = 0


cdef void leave_family(State* state, int64_t tid) noexcept nogil:
    """Take a thread out, unless it is a main thread whose group goes on."""
    cdef Thread* thread = thread_find(state, tid)
    cdef Thread* main
    cdef Group* group
    cdef int64_t pid, ptid
    cdef bint leads
    if thread == NULL:
        return
    if thread.group == NULL or is_invalid(state, thread):
        child_gone(state, thread_row(state, thread.row).ptid)
        erase(state, thread)
        return
    group = thread.group
    if not thread.flags & CLONE_CLOSED:
        group.alive -= 1
        thread.flags |= CLONE_CLOSED
    give_children(state, thread)
    pid = thread.pid
    ptid = thread_row(state, thread.row).ptid
    leads = is_main(thread)
    if group.alive:
        count_children(state, group)
    else:
        child_gone(state, ptid)
        main = thread_find(state, pid)
        if main != NULL and main != thread:
            erase(state, main)
        group_unlist(state, pid)
        if leads:
            erase(state, thread)
    if not leads:
        child_gone(state, ptid)
        erase(state, thread)


# Who ended a moment ago: the parent's side of a clone may be told after that


cdef void note_departure(State* state, int64_t tid, uint64_t ts) noexcept nogil:
    cdef Thread* thread = thread_find(state, tid)
    cdef Departure* place
    if state.departures == NULL:
        state.departures = <Departure*>calloc(DEPARTURES, sizeof(Departure))
        if state.departures == NULL:
            state.failed = 1
            return
    place = &state.departures[state.departure_place]
    if map_get(&state.by_departure, place.tid) == state.departure_place + 1:
        map_remove(&state.by_departure, place.tid)
    place.tid = tid
    place.ptid = thread_row(state, thread.row).ptid if thread != NULL else -1
    place.ts = ts
    if not map_put(&state.by_departure, tid, state.departure_place + 1):
        state.failed = 1
    state.departure_place = (state.departure_place + 1) % DEPARTURES


cdef bint has_departed(State* state, int64_t tid, int64_t ptid, uint64_t ts) noexcept nogil:
    cdef uint32_t number = map_get(&state.by_departure, tid)
    cdef Departure* place
    if not number:
        return False
    place = &state.departures[number - 1]
    return place.ptid == ptid and place.ts <= ts and ts - place.ts < DEPARTURE_AGE
