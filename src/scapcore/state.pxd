# The tables of the state engine: dimensions (append-only rows with reference counts) and what is alive now.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.events cimport Columns, Event, place_event
from scapcore.hashing cimport IntegerMap, map_get
from scapcore.schema.tables cimport EventType, Parameter
from scapcore.strings cimport Strings

cdef enum:
    # Descriptor types of the format (scap format, section 5)
    FD_UNKNOWN = 0
    FD_FILE = 1
    FD_DIRECTORY = 2
    FD_IPV4 = 3
    FD_IPV6 = 4
    FD_IPV4_SERVER = 5
    FD_IPV6_SERVER = 6
    FD_FIFO = 7
    FD_UNIX = 8
    FD_EVENT = 9
    FD_UNSUPPORTED = 10
    FD_SIGNALFD = 11
    FD_EVENTPOLL = 12
    FD_INOTIFY = 13
    FD_TIMERFD = 14
    FD_NETLINK = 15
    FD_FILE_V2 = 16
    FD_BPF = 17
    FD_USERFAULTFD = 18
    FD_IO_URING = 19
    FD_MEMFD = 20
    FD_PIDFD = 21

    L4_UNKNOWN = 0
    L4_NA = 1
    L4_TCP = 2
    L4_UDP = 3
    L4_ICMP = 4
    L4_RAW = 5

    ROLE_NONE = 0
    ROLE_CLIENT = 1
    ROLE_SERVER = 2

    CLONE_FILES = 1 << 0
    CLONE_THREAD = 1 << 13
    CLONE_INVERTED = 1 << 16
    CLONE_NAME_CHANGED = 1 << 17
    CLONE_CLOSED = 1 << 18
    CLONE_ACTIVE = 1 << 19
    CLONE_PIPE_SOURCE = 1 << 21
    CLONE_PIPE_DESTINATION = 1 << 22
    CLONE_CHILD_IN_PIDNS = 1 << 29

    CHUNK_SHIFT = 10
    CHUNK_ROWS = 1 << 10

    # A descriptor table's value: row number and two bits of a close under way
    FD_ROW_MASK = 0x3FFFFFFF
    FD_CLOSING = 0x80000000
    FD_CLOSE_CANCELED = 0x40000000

    NEED_LATENCY = 1
    NEED_COUNTERS = 2
    NEED_LINKS = 4
    NEED_CHANGES = 8
    NEED_MEMORY = 16         # no column: memory and page faults of threads, as the tables have them

    ROLE_IN_CONTAINER_NONE = 0
    ROLE_IN_CONTAINER_MAIN = 1       # the container's first process and what it started
    ROLE_IN_CONTAINER_HEALTHCHECK = 2
    ROLE_IN_CONTAINER_LIVENESS = 3
    ROLE_IN_CONTAINER_READINESS = 4

    NO_ID = 0xFFFFFFFF       # of a user or group: none
    PORTS = 65536
    LIMIT_THREADS = 131072
    LIMIT_FDS = 4096
    PATH_SIZE = 1024
    STORED_SIZE = 4096
    DEPARTURES = 8192
    RECENT_THREADS = 256
    CONTROL_GROUPS = 8
    OPENINGS = 1024

    O_DIRECTORY = 1 << 10
    O_CLOEXEC = 1 << 12


cdef struct ThreadRow:
    uint32_t references
    uint32_t retired
    uint32_t parent          # rows of this dimension, 0 = none
    uint32_t main
    uint32_t container       # rows of other dimensions, 0 = none
    uint32_t user
    uint32_t group
    uint32_t login_user
    int64_t tid
    int64_t pid
    int64_t ptid
    int64_t sid
    int64_t vpgid
    int64_t pgid
    int64_t vtid
    int64_t vpid
    int64_t fdlimit
    uint64_t clone_time
    uint64_t namespace_start
    uint64_t cap_inheritable
    uint64_t cap_permitted
    uint64_t cap_effective
    uint64_t exe_inode
    uint64_t exe_changed
    uint64_t exe_modified
    uint64_t exe_age         # from the last change of the program file to the start of the process, ns
    uint64_t exe_namespace_age   # from the start of the pid namespace to that change, ns
    uint64_t children
    uint32_t flags
    uint32_t uid
    uint32_t gid
    uint32_t loginuid
    int32_t tty
    uint8_t exe_writable
    uint8_t exe_upper_layer
    uint8_t exe_lower_layer
    uint8_t exe_from_memfd
    uint8_t has_session
    uint8_t container_role   # ROLE_IN_CONTAINER_
    # Numbers of texts; see THREAD_TEXTS
    uint32_t comm
    uint32_t exe
    uint32_t exepath
    uint32_t args            # NUL-separated
    uint32_t env             # NUL-separated
    uint32_t cwd
    uint32_t root
    uint32_t cgroups         # `subsystem=path` as shown, NUL-separated
    uint32_t container_id
    uint32_t session_name    # name of the session's leader, where has_session

cdef enum:
    THREAD_TEXTS = 10


cdef struct FdRow:
    uint32_t references
    uint32_t retired
    uint32_t name
    uint32_t raw_name        # as the program wrote it
    uint32_t open_flags
    uint32_t device
    uint8_t type
    uint8_t role
    uint8_t connected
    uint8_t from_list        # was in the capture's first descriptor lists
    uint64_t inode
    uint64_t born            # event that made the row
    uint64_t born_time       # of that event, 0 for what the capture's lists told
    # Addresses in the layouts of the accessors below, one over the other as the protocols change
    uint8_t address[40]


cdef struct Pair:
    uint32_t key
    uint32_t value


cdef enum:
    POD_WORDS = 12           # kinds of Kubernetes objects that fields tell about
    POD_PARTS = 5            # name, id, label, labels, ip

cdef struct PodRow:
    # Texts that fields show of a pod and of what it belongs to, by kind and part; NO_ID = there is none
    uint32_t texts[POD_WORDS * POD_PARTS]


cdef struct ContainerRow:
    uint32_t id
    uint32_t full_id
    uint32_t name            # 0 with `named` 0: no record, or none in it
    uint32_t image
    uint32_t image_id
    uint32_t image_repository
    uint32_t image_tag
    uint32_t image_digest
    uint32_t sandbox         # full id of the pod's sandbox, where the record says it
    uint32_t details         # index in State.side.records of what is seldom asked for, 0 = none
    uint32_t pod             # index in State.side.pods of what the cluster's API told, 0 = nothing
    uint32_t ip              # as stored in an address: network order bytes
    int32_t type
    uint8_t known            # a record named it; else it is known from a cgroup only
    uint8_t privileged
    uint8_t is_pod_sandbox
    uint8_t has_groups       # control groups of one of its threads were told to the side
    uint8_t has_probes       # the details name commands that look after its health
    uint32_t label_count
    Pair* labels


cdef struct UserRow:
    uint32_t id
    uint32_t gid
    uint32_t name
    uint32_t home
    uint32_t shell
    uint32_t previous        # earlier row of the same id, 0 = none
    uint8_t gone             # a later list does not have this id any more


cdef struct Interface:
    uint32_t address
    uint32_t netmask
    uint32_t broadcast
    uint32_t name


cdef struct Interface6:
    uint8_t address[16]
    uint8_t netmask[16]
    uint8_t broadcast[16]
    uint32_t name


cdef struct FdTable:
    IntegerMap rows
    uint32_t number


cdef struct Group:
    # The threads of a process, under the newest libraries' rules
    int64_t pid
    Thread* first            # the main thread, if it is known
    Thread* last
    uint32_t members         # threads that point here
    uint32_t listed          # 1 while it is the group of its process id
    uint64_t alive           # threads that have not ended
    uint8_t reaper           # takes over orphans


cdef struct Thread:
    # What every event asks for comes first, so that it shares two lines of the processor's cache.
    int64_t tid
    int64_t pid
    uint32_t row
    uint32_t flags           # as in the row
    Thread* main
    uint64_t main_checked    # membership count when `main` was looked up
    FdTable* fds
    int64_t last_fd
    uint64_t enter_time
    uint64_t latency
    uint16_t last_type
    uint8_t stored_valid     # the last exit event followed the stored enter event
    uint8_t has_stored
    uint64_t checked         # epoch in which the links of the row were found right
    uint64_t version_event   # event that made the row; it may still be changed by that event
    uint64_t last_time
    uint64_t previous_time
    uint64_t pfmajor
    uint64_t pfminor
    uint64_t slices          # ns on processors, by the switch events
    uint64_t user_time       # what the last report of resources said
    uint64_t system_time
    uint32_t vmsize
    uint32_t vmrss
    uint32_t vmswap
    uint16_t stored_type
    uint16_t stored_nparams
    uint8_t stored_form
    uint32_t stored_length
    uint32_t stored_capacity
    uint8_t* stored          # a copy of the enter event
    # Under the newest libraries' rules only:
    Group* group
    Thread* group_next
    Thread* group_previous
    Thread* mother           # in whose list of children it is
    Thread* first_child
    Thread* child_next
    Thread* child_previous
    int64_t reaper
    uint64_t children_known  # children in the list, with those that were taken out of the table since it was tidied
    uint64_t children_alive
    uint64_t children_there


cdef struct Change:
    int64_t key              # thread id, or descriptor number
    uint32_t table           # descriptor table, 0 for threads
    uint32_t event           # index in the batch before which the change was made
    uint32_t old_row
    uint32_t next            # next change of the same key in the batch, 0 = none


cdef struct VerdictCache:
    uint8_t* verdicts        # by row; 0 = not judged yet
    uint32_t capacity
    VerdictCache* next


cdef struct Pool:
    void** chunks
    uint32_t chunk_count
    uint32_t chunk_capacity
    uint32_t count           # rows handed out so far, row 0 included (it means "none")
    uint32_t size            # bytes of a row
    uint32_t* free_rows
    uint32_t free_count
    uint32_t free_capacity
    uint32_t* retired
    uint32_t retired_count
    uint32_t retired_capacity
    VerdictCache* caches


cdef struct ControlGroups:
    # What the control groups of a thread were and came to, for the next thread that has the same
    uint8_t* raw             # as the capture told them
    uint32_t length
    uint32_t capacity
    uint32_t shown           # text, kept
    uint32_t container_id    # text, kept; 0 = none
    int32_t container_type
    uint8_t resolved         # the two above are known


cdef struct Opening:
    # A file that was opened, for the next thread that opens the same in the same way
    uint64_t hash            # of the path
    uint32_t row             # kept; 0 = none
    uint32_t directory       # text that the path is relative to, kept
    uint32_t length          # of the path as it was given
    uint32_t rule            # how the two are joined


cdef struct Departure:
    int64_t tid
    int64_t ptid
    uint64_t ts


cdef struct State:
    Strings strings
    Pool threads
    Pool fds
    Thread** live
    uint32_t live_count
    uint32_t live_capacity
    uint32_t* live_free
    uint32_t live_free_count
    IntegerMap by_tid        # tid -> index into `live`
    FdTable** tables         # by number; 0 is none
    uint32_t table_count
    uint32_t table_capacity
    uint32_t* tables_free
    uint32_t tables_free_count
    uint32_t tables_free_capacity
    uint32_t* tables_dead    # kept until the batch is done
    uint32_t tables_dead_count
    uint32_t tables_dead_capacity
    ContainerRow* containers
    uint32_t container_count
    uint32_t container_capacity
    IntegerMap by_container  # number of the id's text -> row
    PodRow* pods             # as in the engine's Side.pods
    uint32_t pod_count
    uint32_t pod_capacity
    UserRow* users
    uint32_t user_count
    uint32_t user_capacity
    IntegerMap by_uid        # uid + 1 -> row + 1
    IntegerMap by_gid
    Interface* interfaces
    uint32_t interface_count
    Interface6* interfaces6
    uint32_t interface6_count
    uint8_t server_ports[8192]
    Thread* recent[RECENT_THREADS]   # those found last, by the low bits of their ids; NULL when it may have gone
    uint64_t epoch           # grows when a thread or what its rows link to changes
    uint64_t membership      # grows when a thread comes or goes
    uint64_t number          # of the event under way
    uint64_t renamed         # number of the last event that gave a descriptor another name
    uint32_t index           # of it in the batch
    uint32_t needs
    uint32_t modern          # the exit view's rules instead of those of 0.29.3
    uint32_t failed          # memory was out
    bint saw_enter           # the capture holds enter events, as those until 2025 do
    int64_t remove_tid
    uint32_t remove_thread
    int64_t remove_fds[4]
    uint32_t remove_fd_count
    int64_t remove_fd_tid
    Change* changes
    uint32_t change_count
    uint32_t change_capacity
    const EventType* types
    const Parameter* parameters
    uint64_t lost_threads    # not added because the table was full
    ControlGroups control_groups[CONTROL_GROUPS]
    uint32_t control_groups_place    # of the one to be replaced next
    Opening openings[OPENINGS]       # by the low bits of the hash
    uint64_t* switch_times   # by processor, of the last switch event
    uint32_t switch_capacity
    uint64_t slice           # of the switch event under way
    uint32_t* services       # names of ports: any protocol, TCP, UDP; NULL where numbers are wanted
    uint64_t boot_time       # ns since the epoch, 0 = not known
    uint32_t hostname
    uint32_t cluster_changed # what pods belong to containers must be looked up again
    uint64_t next_change     # time from which on it must, too, as an object comes or goes
    uint64_t time            # of the event under way, 0 before the first
    bint joined              # objects of a cluster were given beside the capture
    void* side               # the engine's scapcore.side.Side, borrowed
    # Under the newest libraries' rules only:
    Group** groups
    uint32_t group_count
    uint32_t group_capacity
    uint32_t* groups_free
    uint32_t groups_free_count
    uint32_t groups_free_capacity
    IntegerMap by_group      # process id -> number in `groups`
    Departure* departures    # the threads that ended last, in a ring
    uint32_t departure_place
    IntegerMap by_departure  # thread id -> place of its last departure + 1


cdef struct Step:
    # What the parts of the engine share about the event under way
    Event event
    Event enter              # the stored enter event where `has_enter`
    Thread* thread
    uint32_t fd              # row of the event's own descriptor, 0 = none
    uint8_t has_enter
    uint8_t error
    uint8_t hidden           # the event is not to be shown
    uint32_t* place          # of `fd` in its table, NULL = none; good until the table changes


cdef inline void* pool_row(const Pool* pool, uint32_t row) noexcept nogil:
    return <uint8_t*>pool.chunks[row >> CHUNK_SHIFT] + <size_t>(row & (CHUNK_ROWS - 1)) * pool.size


cdef inline ThreadRow* thread_row(const State* state, uint32_t row) noexcept nogil:
    return <ThreadRow*>pool_row(&state.threads, row)


cdef inline FdRow* fd_row(const State* state, uint32_t row) noexcept nogil:
    return <FdRow*>pool_row(&state.fds, row)


cdef inline void date_program(ThreadRow* row) noexcept nogil:
    """How old the program file is when a process runs it."""
    if row.clone_time:
        row.exe_age = row.clone_time - row.exe_changed
    if row.namespace_start and row.exe_changed > row.namespace_start:
        row.exe_namespace_age = row.exe_changed - row.namespace_start


# The dimensions and the live tables (dimensions.pyx)
cdef bint state_open(State* state) noexcept nogil
cdef void state_close(State* state) noexcept nogil
cdef void begin_batch(State* state) noexcept nogil
cdef uint32_t pool_new(State* state, Pool* pool) noexcept nogil
cdef void thread_row_drop(State* state, uint32_t row) noexcept nogil
cdef void fd_row_drop(State* state, uint32_t row) noexcept nogil
cdef bint watch_rows(Pool* pool, VerdictCache* cache) noexcept nogil
cdef void unwatch_rows(Pool* pool, VerdictCache* cache) noexcept nogil
cdef void log_change(State* state, uint32_t table, int64_t key, uint32_t old_row) noexcept nogil
cdef Thread* thread_look_up(State* state, int64_t tid) noexcept nogil
cdef Thread* thread_new(State* state, int64_t tid) noexcept nogil
cdef Thread* thread_invent(State* state, int64_t tid) noexcept nogil
cdef void thread_remove(State* state, int64_t tid, bint force) noexcept nogil
cdef void thread_erase(State* state, Thread* thread) noexcept nogil
cdef ThreadRow* thread_edit(State* state, Thread* thread) noexcept nogil
cdef void thread_text(State* state, uint32_t* place, const uint8_t* data, size_t length) noexcept nogil
cdef void thread_text_copy(State* state, uint32_t* place, uint32_t text) noexcept nogil
cdef Thread* main_thread_look_up(State* state, Thread* thread) noexcept nogil
cdef void refresh_links(State* state, Thread* thread, int depth) noexcept nogil
cdef uint32_t user_row(State* state, IntegerMap* by_id, uint32_t id) noexcept nogil

cdef uint32_t fd_add(State* state, Thread* thread, int64_t fd, uint32_t row) noexcept nogil
cdef void fd_remove(State* state, Thread* thread, int64_t fd) noexcept nogil
cdef uint32_t fd_new(State* state) noexcept nogil
cdef uint32_t fd_copy(State* state, uint32_t row) noexcept nogil
cdef FdRow* fd_edit(State* state, Step* step) noexcept nogil
cdef bint list_push(State* state, uint32_t** items, uint32_t* count, uint32_t* capacity, uint32_t value) noexcept nogil
cdef FdTable* table_new(State* state) noexcept nogil
cdef void table_free(State* state, uint32_t number) noexcept nogil
cdef void table_retire(State* state, FdTable* table) noexcept nogil
cdef bint table_copy(State* state, FdTable* target, const FdTable* source) noexcept nogil

cdef inline bint is_main(const Thread* thread) noexcept nogil:
    return thread.pid == thread.tid


cdef inline Thread* thread_find(State* state, int64_t tid) noexcept nogil:
    """The live thread of that id, or NULL."""
    cdef Thread* thread = state.recent[tid & (RECENT_THREADS - 1)]
    if thread != NULL and thread.tid == tid:
        return thread
    return thread_look_up(state, tid)


cdef inline Thread* thread_get(State* state, int64_t tid) noexcept nogil:
    """The live thread of that id, else a stand-in about which nothing is known; NULL when the table is full."""
    cdef Thread* thread = thread_find(state, tid)
    return thread if thread != NULL else thread_invent(state, tid)


cdef inline Thread* main_thread(State* state, Thread* thread) noexcept nogil:
    """The main thread of a thread's process; where it is not known a stand-in, or NULL under the modern rules."""
    if is_main(thread):
        return thread
    if thread.main_checked == state.membership and thread.main != NULL:
        return thread.main
    return main_thread_look_up(state, thread)


cdef inline FdTable* table_of(State* state, Thread* thread) noexcept nogil:
    """The descriptor table that a thread uses: its own or its process's."""
    cdef Thread* main
    if thread.flags & CLONE_FILES:
        main = main_thread(state, thread)
        return main.fds if main != NULL else NULL
    return thread.fds


cdef inline uint32_t fd_find(State* state, Thread* thread, int64_t fd) noexcept nogil:
    """Row of a thread's descriptor, 0 if it is not known."""
    cdef FdTable* table
    if fd < 0:
        return 0
    table = table_of(state, thread)
    return map_get(&table.rows, fd) & FD_ROW_MASK if table != NULL else 0


cdef inline bint load_enter(State* state, Step* step) noexcept nogil:
    """Point `step.enter` at the enter event that belongs to the exit event under way."""
    cdef Thread* thread = step.thread
    if thread == NULL or not thread.stored_valid or not thread.has_stored:
        return False
    if thread.stored_type != step.event.type - 1 and not (
            state.modern and thread.stored_type == 330 and step.event.type == 293):     # execveat ends as execve
        thread.stored_valid = 0
        return False
    place_event(&step.enter, thread.stored, thread.stored_type, thread.stored_nparams, thread.stored_form,
                state.types, state.parameters)
    return True
