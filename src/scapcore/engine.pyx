"""The state engine: walks the events of a batch in order and adds the dimension columns.

The rules, step by step, are those of the state engine's description, sections 1 and 2; what each event does to the
tables stands in `dispatch`.
"""

cimport cython
from cpython.ref cimport PyObject
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, realloc
from libc.string cimport memset

from scapcore.common cimport pass_common, write_columns, write_nothing
from scapcore.containers cimport container_thread, refresh_pods
from scapcore.dispatch cimport *
from scapcore.events cimport *
from scapcore.families cimport leave_family, note_departure
from scapcore.hashing cimport map_slot
from scapcore.schema.tables cimport events_classic, events_modern, parameters_classic, parameters_modern
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, text_of

from scapcore.side import Side

cdef int64_t CANCELED_FD = INT64_MAX


cdef void run_delayed(State* state, uint64_t ts) noexcept nogil:
    """What the former event left to be done, so that it could still be shown whole."""
    cdef Thread* thread
    cdef uint32_t index
    if state.remove_thread:
        state.remove_thread = 0
        if state.modern:
            note_departure(state, state.remove_tid, ts)
            leave_family(state, state.remove_tid)
        else:
            thread_remove(state, state.remove_tid, False)
    if state.remove_fd_count:
        thread = thread_get(state, state.remove_fd_tid)
        if thread != NULL:
            for index in range(state.remove_fd_count):
                fd_remove(state, thread, state.remove_fds[index])
        state.remove_fd_count = 0


cdef inline void find_fd(State* state, Step* step) noexcept nogil:
    """Find the row of the descriptor that the thread works on."""
    cdef FdTable* table
    cdef uint32_t* place
    if step.thread.last_fd < 0:
        return
    table = table_of(state, step.thread)
    if table == NULL:
        return
    place = map_slot(&table.rows, step.thread.last_fd)
    if place == NULL:
        return
    step.fd = place[0] & FD_ROW_MASK
    step.place = place
    if place[0] & FD_CLOSE_CANCELED and step.event.type & 1:
        place[0] &= ~<uint32_t>FD_CLOSE_CANCELED
        state.remove_fds[0] = CANCELED_FD
        state.remove_fd_count = 1
        state.remove_fd_tid = step.thread.tid


cdef inline void find_subjects(State* state, Step* step, const TypePlan* plan) noexcept nogil:
    """Find the thread and the descriptor that an event is about (state engine, section 2)."""
    cdef Event* event = &step.event
    cdef Thread* thread
    step.thread = NULL
    step.fd = 0
    step.place = NULL
    step.error = 0
    if plan.bits & PLAN_NO_THREAD:
        return
    thread = thread_find(state, event.tid)
    if thread == NULL and not plan.bits & PLAN_NO_STAND_IN:
        thread = thread_invent(state, event.tid)
    step.thread = thread
    if thread == NULL or plan.bits & PLAN_SWITCH:
        return
    if not event.type & 1:
        thread.last_fd = -1
        thread.last_type = event.type
        thread.latency = 0
        thread.enter_time = event.ts
        if plan.bits & PLAN_USES_FD:
            thread.last_fd = parameter_integer(event, 0, -1)
            find_fd(state, step)
        return
    if thread.enter_time:
        thread.latency = event.ts - thread.enter_time
    thread.stored_valid = event.type == thread.last_type + 1 or (
        state.modern and event.type == SYSCALL_EXECVE_19_X and thread.last_type == SYSCALL_EXECVEAT_E)
    if not thread.stored_valid:
        if not state.modern and <int>event.nparams <= event.info.reference:
            return
        # An exit event of the newer kind tells by itself what the enter event used to tell.
        thread.last_fd = -1
        thread.latency = 0
    if plan.bits & PLAN_RESULT and event.nparams and parameter_integer(event, 0, 0) < 0:
        step.error = 1
    if not plan.bits & PLAN_USES_FD:
        return
    if plan.bits & PLAN_SECOND_FD:
        thread.last_fd = parameter_integer(event, 1, -1)
    elif thread.last_fd == -1 and plan.exit_fd < event.nparams and (state.modern or not thread.stored_valid):
        thread.last_fd = parameter_integer(event, plan.exit_fd, -1)
    find_fd(state, step)


cdef void on_slice(State* state, Step* step) noexcept nogil:
    """Time since the former switch on the same processor, which the thread that leaves has had."""
    cdef uint32_t cpu = event_cpu(&step.event)
    cdef uint64_t* grown
    cdef uint32_t capacity
    state.slice = 0
    if cpu >= state.switch_capacity:
        capacity = cpu + 64
        grown = <uint64_t*>realloc(state.switch_times, capacity * sizeof(uint64_t))
        if grown == NULL:
            state.failed = 1
            return
        memset(grown + state.switch_capacity, 0, (capacity - state.switch_capacity) * sizeof(uint64_t))
        state.switch_times = grown
        state.switch_capacity = capacity
    if state.switch_times[cpu]:
        state.slice = step.event.ts - state.switch_times[cpu]
    state.switch_times[cpu] = step.event.ts


cdef void fill_counters(State* state, Step* step, Thread* thread, uint64_t* counters) noexcept nogil:
    """Running values of a thread right after an event."""
    cdef Thread* main
    cdef bint switched = step.event.type == SCHEDSWITCH_1_E or step.event.type == SCHEDSWITCH_6_E
    counters[COUNTER_VMSIZE] = thread.vmsize
    counters[COUNTER_VMRSS] = thread.vmrss
    counters[COUNTER_VMSWAP] = thread.vmswap
    counters[COUNTER_PFMAJOR] = thread.pfmajor
    counters[COUNTER_PFMINOR] = thread.pfminor
    if switched:
        thread.slices += state.slice
    counters[COUNTER_SLICE] = state.slice if switched else 0
    counters[COUNTER_SLICES] = thread.slices
    main = thread_find(state, thread.pid) if thread.pid != thread.tid else thread
    counters[COUNTER_OPEN_FDS] = main.fds.rows.used if main != NULL else 0
    counters[COUNTER_USER_BEFORE] = thread.user_time
    counters[COUNTER_SYSTEM_BEFORE] = thread.system_time
    if step.event.type == PROCINFO_E:
        thread.user_time = parameter_unsigned(&step.event, 0, 0)
        thread.system_time = parameter_unsigned(&step.event, 1, 0)


@cython.no_gc      # what it holds never refers back, and the tables are asked until the last batch has gone
cdef class Engine:
    """The tables of one pass over a capture. Internal to the core.

    Parameters
    ----------
    needs : int
        Which costly columns to fill: bits NEED_LATENCY, NEED_COUNTERS, NEED_LINKS, NEED_CHANGES; and NEED_MEMORY.
    modern : bool
        The rules of the newest libraries instead of those of sysdig 0.29.3.
    """

    def __cinit__(self, uint32_t needs, bint modern):
        memset(&self.state, 0, sizeof(State))
        self.modern = modern
        self.state.needs = needs
        self.state.modern = modern
        self.state.types = events_modern if modern else events_classic
        self.state.parameters = parameters_modern if modern else parameters_classic
        self.open = True
        self.side = Side()
        if not state_open(&self.state):
            raise MemoryError
        self.state.side = <void*><PyObject*>self.side
        make_plans(self.plans, self.state.types, self.state.parameters, modern)

    def __dealloc__(self):
        if self.open:
            state_close(&self.state)

    cdef int set_machine(self, dict machine) except -1:
        """Take over what fields say about the machine."""
        cdef bytes name = machine.get("hostname", "").encode("utf-8", "replace")
        self.state.hostname = strings_add(&self.state.strings, <const uint8_t*><char*>name, len(name))
        self.state.boot_time = machine.get("boot_time", 0)
        return 0

    cdef int join(self, object directory) except -1:
        """Take what is known about containers and addresses from outside, see :class:`scapcore.side.Directory`."""
        self.side.directory = directory
        self.state.joined = True
        return 0

    cdef int set_services(self, dict names) except -1:
        """Show ports by name: names as bytes by port and protocol, the latter 0 for any, 1 for TCP, 2 for UDP."""
        cdef uint32_t port, protocol
        cdef bytes name
        self.state.services = <uint32_t*>calloc(3 * PORTS, sizeof(uint32_t))
        if self.state.services == NULL:
            raise MemoryError
        for (port, protocol), name in names.items():
            if port < PORTS and protocol < 3:
                self.state.services[protocol * PORTS + port] = strings_add(
                    &self.state.strings, <const uint8_t*><char*>name, len(name))
        return 0

    def threads(self):
        """Threads that are alive now: set of (thread id, process id)."""
        cdef uint32_t index
        found = set()
        for index in range(1, self.state.live_count):
            if self.state.live[index] != NULL:
                found.add((self.state.live[index].tid, self.state.live[index].pid))
        return found

    def rows(self):
        """Rows of the thread and of the descriptor dimension that are in use: tuple of (int, int)."""
        return (self.state.threads.count - 1 - self.state.threads.free_count,
                self.state.fds.count - 1 - self.state.fds.free_count)

    def containers(self):
        """Containers known so far, the newest record of each: list of (id, name)."""
        cdef uint32_t index
        cdef ContainerRow* row
        found = {}
        for index in range(1, self.state.container_count):
            row = &self.state.containers[index]
            found[self.text(row.id)] = self.text(row.name)
        return list(found.items())

    cdef str text(self, uint32_t number):
        """A text of the dictionary."""
        return text_of(&self.state.strings, number)[:length_of(&self.state.strings, number)].decode("utf-8", "replace")

    cdef void apply_side(self, const uint8_t* header, uint16_t nparams, uint8_t form) noexcept nogil:
        """Apply an event that takes no number."""
        cdef Step step
        step.thread = NULL
        step.fd = 0
        step.place = NULL
        place_event(&step.event, header, load16(header + 20), nparams, form, self.state.types, self.state.parameters)
        if self.plans[step.event.type].handler != NULL:
            self.plans[step.event.type].handler(&self.state, &step)

    cdef void process(self, Columns* columns) noexcept nogil:
        """Fill the state columns of a batch."""
        cdef State* state = &self.state
        cdef Step step
        cdef Thread* thread
        cdef const TypePlan* plan
        cdef uint32_t row
        cdef uint8_t mark
        # Copies, as any store might otherwise be one to the originals
        cdef Columns out = columns[0]
        cdef uint32_t needs = state.needs
        cdef uint32_t index
        cdef uint64_t time
        cdef uint16_t met = 0
        cdef bint left = True        # the event before may have left something to be done
        for index in range(out.count):
            plan = &self.plans[out.type[index]]
            state.index = index
            state.number = out.first_number + index
            time = load64(out.data + out.offset[index])
            if left:
                left = False
                run_delayed(state, time)
            state.time = time
            if state.cluster_changed or time >= state.next_change:
                refresh_pods(state)
            met |= plan.bits
            if plan.common and not needs & NEED_COUNTERS and pass_common(state, plan, &out, index):
                continue
            left = True
            place_event(&step.event, out.data + out.offset[index], out.type[index], out.nparams[index],
                        out.form[index], state.types, state.parameters)
            if needs & NEED_COUNTERS and (step.event.type == SCHEDSWITCH_1_E or step.event.type == SCHEDSWITCH_6_E):
                on_slice(state, &step)
            find_subjects(state, &step, plan)
            step.hidden = 0
            if plan.handler != NULL:
                plan.handler(state, &step)
            if step.thread != NULL and step.event.type & 1:
                step.thread.has_stored = 0
                step.thread.stored_valid = 0
            # The columns
            mark = out.mark[index]
            if step.hidden:
                mark |= MARK_HIDDEN
            if step.fd:
                mark |= MARK_FD
                if state.renamed == state.number:
                    mark |= MARK_RENAMED
            if step.error:
                mark |= MARK_ERROR
            out.mark[index] = mark
            thread = step.thread
            if thread == NULL and not plan.bits & (PLAN_CONTAINER | PLAN_SWITCH):
                thread = thread_find(state, step.event.tid)
            if thread == NULL:
                write_nothing(state, &out, index)
                if plan.bits & PLAN_CONTAINER:
                    out.thread[index] = container_thread(state, state.container_count - 1)
                if needs & NEED_COUNTERS:
                    memset(out.counters + <size_t>index * COUNTERS, 0, COUNTERS * sizeof(uint64_t))
                    if step.event.type == SCHEDSWITCH_1_E or step.event.type == SCHEDSWITCH_6_E:
                        out.counters[<size_t>index * COUNTERS + COUNTER_SLICE] = state.slice
                continue
            row = 0
            if plan.bits & PLAN_HAS_FD:
                row = step.fd
                if not row and thread.last_fd != -1:
                    row = fd_find(state, thread, thread.last_fd)
            write_columns(state, &out, index, thread, table_of(state, thread) if needs & NEED_CHANGES else NULL, row)
            if needs & NEED_LATENCY:
                out.latency[index] = thread.latency if step.thread != NULL else 0
            if needs & NEED_COUNTERS:
                fill_counters(state, &step, thread, out.counters + <size_t>index * COUNTERS)
        if met & PLAN_OLD_ENTER:
            state.saw_enter = True


def state_types(bint modern):
    """The event types that change the tables, or columns that the engine fills: frozenset of int.

    Parameters
    ----------
    modern : bool
        By the rules of the newest libraries instead of those of sysdig 0.29.3.
    """
    cdef Engine engine = Engine(0, modern)
    cdef const EventType* types = events_modern if modern else events_classic
    cdef uint32_t type
    return frozenset([
        type for type in range(EVENT_COUNT)
        if engine.plans[type].handler != NULL
        or types[type].flags & (EF_CREATES_FD | EF_DESTROYS_FD | EF_MODIFIES_STATE)
    ])
