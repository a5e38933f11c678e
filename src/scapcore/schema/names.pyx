"""Names of events out of the tables that are compiled in, which takes no reading of the files that they are made of."""

from scapcore.schema.tables cimport *


def known_names():
    """Every name that an event can be shown with: those of types and of system calls, classic and modern."""
    cdef int index
    cdef const char* name
    names = set()
    for index in range(EVENT_COUNT):
        names.add(events_classic[index].name.decode())
        names.add(events_modern[index].name.decode())
    for index in range(SYSCALL_COUNT):
        for name in (syscalls_classic[index], syscalls_modern[index]):
            if name != NULL:
                names.add(name.decode())
    return frozenset(names)
