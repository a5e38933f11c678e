"""Brings the program into the kernel, with libbpf."""

from libc.errno cimport E2BIG, EACCES, EEXIST, ENOMEM, EPERM, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset, strerror
from posix.unistd cimport close

from scapcore.errors import LiveCaptureError


cdef extern from "decode.h" nogil:
    enum:
        PROBE_PORTS
    struct probe_settings:
        uint64_t own_device
        uint64_t own_inode
        uint32_t own_process
        uint32_t snaplen
        uint32_t port_snaplen
        uint32_t port_count
        uint16_t ports[16]
        uint32_t page_kilobytes
        uint8_t by_process
        uint8_t by_thread
        uint8_t by_name
        uint8_t by_group
        uint8_t follow
        uint8_t choice
        uint8_t all_switches
    struct probe_counters:
        uint64_t seen
        uint64_t lost


cdef extern from "<bpf/libbpf.h>" nogil:
    """
    #include <stdarg.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <bpf/bpf.h>

    /* The last lines of what libbpf has to say: shown only if loading fails. */
    static char probe_messages[4096];
    static size_t probe_messages_length;

    static int probe_keep_message(enum libbpf_print_level level, const char *format, va_list arguments)
    {
        char line[1024];
        int length;

        if (level > LIBBPF_WARN)
            return 0;
        length = vsnprintf(line, sizeof(line), format, arguments);
        if (length < 0)
            return 0;
        if ((size_t)length >= sizeof(line))
            length = sizeof(line) - 1;
        if (probe_messages_length + length >= sizeof(probe_messages))
            probe_messages_length = 0;
        memcpy(probe_messages + probe_messages_length, line, length);
        probe_messages_length += length;
        probe_messages[probe_messages_length] = 0;
        return 0;
    }

    static void probe_hear(void)
    {
        libbpf_set_print(probe_keep_message);
        probe_messages_length = 0;
        probe_messages[0] = 0;
    }
    """
    char probe_messages[4096]
    void probe_hear()
    struct bpf_object:
        pass
    struct bpf_program:
        pass
    struct bpf_map:
        pass
    struct bpf_link:
        pass
    bpf_object* bpf_object__open(const char* path)
    int bpf_object__load(bpf_object* held)
    void bpf_object__close(bpf_object* held)
    bpf_map* bpf_object__find_map_by_name(const bpf_object* held, const char* name)
    bpf_program* bpf_object__find_program_by_name(const bpf_object* held, const char* name)
    bpf_program* bpf_object__next_program(const bpf_object* held, bpf_program* former)
    bpf_map* bpf_object__next_map(const bpf_object* held, const bpf_map* former)
    const char* bpf_map__name(const bpf_map* held)
    int bpf_map__fd(const bpf_map* held)
    int bpf_map__set_max_entries(bpf_map* held, uint32_t count)
    int bpf_map__set_inner_map_fd(bpf_map* held, int descriptor)
    const void* bpf_map__initial_value(bpf_map* held, size_t* size)
    int bpf_map__set_initial_value(bpf_map* held, const void* value, size_t size)
    int bpf_program__set_autoload(bpf_program* held, bint wanted)
    bpf_link* bpf_program__attach(const bpf_program* held)
    int bpf_link__destroy(bpf_link* held)
    int libbpf_num_possible_cpus()
    int libbpf_find_vmlinux_btf_id(const char* name, int kind)
    int bpf_map_create(int kind, const char* name, uint32_t key, uint32_t value, uint32_t count, const void* options)
    int bpf_map_update_elem(int descriptor, const void* key, const void* value, uint64_t flags)
    int bpf_map_lookup_elem(int descriptor, const void* key, void* value)
    enum:
        BPF_NOEXIST
        BPF_MAP_TYPE_RINGBUF
        BPF_TRACE_RAW_TP

cdef enum:
    MOST_LINKS = 16


def online_cpus():
    """Numbers of the CPUs that run."""
    found = []
    with open("/sys/devices/system/cpu/online", encoding="ascii") as listing:
        for span in listing.read().strip().split(","):
            first, _, last = span.partition("-")
            found += range(int(first), int(last or first) + 1)
    return found


cdef object failure(str what, int code):
    """The error for a refusal of the kernel, with what to do about it as far as known, and libbpf's last words."""
    cdef int number = -code if code < 0 else code
    cdef str words = (<bytes>probe_messages).decode(errors="replace").strip()
    cdef str reason = (<bytes>strerror(number)).decode()
    if number == EPERM or number == EACCES:
        hint = ": it takes root, or the capabilities CAP_BPF and CAP_PERFMON, and a kernel that is not locked down"
    else:
        hint = ""
    lines = words.splitlines()
    last = f" ({lines[len(lines) - 1]})" if lines else ""
    return LiveCaptureError(f"{what}: {reason}{hint}{last}")


cdef class Loader:
    """The program of the probe, from its file to the kernel.

    Parameters
    ----------
    path : str
        The compiled program.
    buffer_bytes : int
        Size of each CPU's ring buffer, a power of two of pages.

    Raises
    ------
    LiveCaptureError
        The file cannot be read, or the kernel refuses something.
    """

    cdef bpf_object* held
    cdef bpf_link* links[MOST_LINKS]
    cdef int link_count
    cdef uint32_t buffer_bytes
    cdef int cpus
    cdef int template
    cdef list descriptors

    def __cinit__(self, str path, buffer_bytes):
        cdef bytes name = path.encode()
        cdef str wanted
        cdef int code
        self.buffer_bytes = buffer_bytes
        self.template = -1
        self.descriptors = []
        probe_hear()
        self.held = bpf_object__open(name)
        if self.held == NULL:
            raise failure("the program of the probe cannot be opened", errno)
        self.cpus = libbpf_num_possible_cpus()
        if self.cpus < 1:
            raise failure("the number of CPUs cannot be found out", self.cpus)
        for wanted in ("buffers", "counters", "rings"):
            bpf_map__set_max_entries(self.map(wanted), self.cpus)
        # Before Linux 5.10 the rings have to be as large as the one that stands for them.
        self.template = self.create_ring()
        code = bpf_map__set_inner_map_fd(self.map("rings"), self.template)
        if code < 0:
            raise failure("the size of the ring buffers cannot be set", code)

    def __dealloc__(self):
        self.close()

    cdef bpf_map* map(self, str name) except NULL:
        cdef bytes text = name.encode()
        cdef bpf_map* found = bpf_object__find_map_by_name(self.held, text)
        if found == NULL:
            raise LiveCaptureError(f"the program of the probe has no map {name}: it is of another version")
        return found

    cdef int create_ring(self) except -1:
        cdef int descriptor = bpf_map_create(BPF_MAP_TYPE_RINGBUF, b"events", 0, 0, self.buffer_bytes, NULL)
        if descriptor < 0:
            raise failure(f"no ring buffer of {self.buffer_bytes} bytes can be had", descriptor)
        return descriptor

    def set_settings(
        self,
        *,
        own_process,
        own_namespace,
        snaplen,
        ports,
        port_snaplen,
        page_kilobytes,
        by_process,
        by_thread,
        by_name,
        by_group,
        follow,
        choice,
        all_switches,
    ):
        """What the program is to look at, before it is loaded: code for other cases is left out by the kernel."""
        cdef probe_settings settings
        cdef bpf_map* entry = NULL
        cdef size_t size = 0
        memset(&settings, 0, sizeof(settings))
        settings.own_device, settings.own_inode = own_namespace
        settings.own_process = own_process
        settings.snaplen = snaplen
        settings.port_snaplen = port_snaplen
        settings.port_count = min(len(ports), PROBE_PORTS)
        for index, port in enumerate(ports[:PROBE_PORTS]):
            settings.ports[<uint32_t>index] = port
        settings.page_kilobytes = page_kilobytes
        settings.by_process = by_process
        settings.by_thread = by_thread
        settings.by_name = by_name
        settings.by_group = by_group
        settings.follow = follow
        settings.choice = choice
        settings.all_switches = all_switches
        while True:
            entry = bpf_object__next_map(self.held, entry)
            if entry == NULL:
                raise LiveCaptureError("the program of the probe has no settings: it is of another version")
            if (<bytes>bpf_map__name(entry)).endswith(b".rodata"):
                bpf_map__initial_value(entry, &size)
                if size != sizeof(settings) or bpf_map__set_initial_value(entry, &settings, size) < 0:
                    raise LiveCaptureError("the settings of the probe have another size: it is of another version")
                return

    def load(self):
        """Have the kernel check and take the program, and make the ring buffers."""
        cdef int code, descriptor
        cdef uint32_t cpu
        cdef bpf_program* program = NULL
        # Not every machine tells of page faults.
        program = bpf_object__find_program_by_name(self.held, b"on_user_fault")
        if program != NULL and libbpf_find_vmlinux_btf_id(b"page_fault_user", BPF_TRACE_RAW_TP) < 0:
            bpf_program__set_autoload(program, False)
        with nogil:
            code = bpf_object__load(self.held)
        if code < 0:
            raise failure("the kernel does not take the program of the probe", code)
        for number in online_cpus():
            descriptor = self.create_ring()
            self.descriptors.append((number, descriptor))
            cpu = number
            code = bpf_map_update_elem(bpf_map__fd(self.map("rings")), &cpu, &descriptor, 0)
            if code < 0:
                raise failure("a ring buffer cannot be put in its place", code)

    def put(self, str name, bytes key, bytes value):
        """Set an entry of a map."""
        cdef const char* key_bytes = key
        cdef const char* value_bytes = value
        cdef int code = bpf_map_update_elem(bpf_map__fd(self.map(name)), key_bytes, value_bytes, 0)
        if code < 0:
            raise failure(f"an entry of {name} cannot be set", code)

    def put_new(self, str name, bytes key, bytes value):
        """Set an entry of a map if the program has not done so, and if there is room."""
        cdef const char* key_bytes = key
        cdef const char* value_bytes = value
        cdef int code = bpf_map_update_elem(bpf_map__fd(self.map(name)), key_bytes, value_bytes, BPF_NOEXIST)
        if code < 0 and code != -EEXIST and code != -E2BIG and code != -ENOMEM:
            raise failure(f"an entry of {name} cannot be set", code)

    def rings(self):
        """CPU number and descriptor of each ring."""
        return list(self.descriptors)

    def attach(self, str program):
        """Let a program run. A tracepoint that this kernel does not have is left out."""
        cdef bytes name = program.encode()
        cdef bpf_program* found = bpf_object__find_program_by_name(self.held, name)
        cdef bpf_link* link
        if found == NULL or self.link_count >= MOST_LINKS:
            raise LiveCaptureError(f"the probe has no program {program}: it is of another version")
        link = bpf_program__attach(found)
        if link == NULL:
            if program == "on_user_fault":
                return
            raise failure(f"{program} cannot be attached", errno)
        self.links[self.link_count] = link
        self.link_count += 1

    def counters(self):
        """Records told and lost, by CPU number."""
        cdef probe_counters entry
        cdef uint32_t cpu
        cdef list seen = []
        cdef list lost = []
        for number in range(self.cpus):
            cpu = number
            memset(&entry, 0, sizeof(entry))
            bpf_map_lookup_elem(bpf_map__fd(self.map("counters")), &cpu, &entry)
            seen.append(entry.seen)
            lost.append(entry.lost)
        return seen, lost

    def detach(self):
        """Let no program run any more."""
        cdef int index
        for index in range(self.link_count):
            bpf_link__destroy(self.links[index])
        self.link_count = 0

    def close(self):
        """Give everything back."""
        self.detach()
        for _, descriptor in self.descriptors or ():
            close(descriptor)
        self.descriptors = []
        if self.template >= 0:
            close(self.template)
            self.template = -1
        if self.held != NULL:
            bpf_object__close(self.held)
            self.held = NULL
