"""Fields of the thread that caused the event."""

from __future__ import annotations

from .field import Argument, Field, FieldClass

__all__ = ["THREAD"]

THREAD = FieldClass(
    "thread",
    "The thread that caused the event.",
    (
        Field("thread.tid", "INT64", "Id of the thread.", "ID"),
        Field("thread.vtid", "INT64", "Id of the thread inside its pid namespace.", "ID"),
        Field("thread.ismain", "BOOL", "True if it is the main thread of its process."),
        Field(
            "thread.nametid",
            "CHARBUF",
            "Name of the process and id of the thread with nothing between them.",
            table_only=True,
            hidden=True,
        ),
        Field("thread.exectime", "RELTIME", "On switch events: ns that the thread has just spent on the CPU.", "DEC"),
        Field("thread.totexectime", "RELTIME", "On switch events: ns on the CPU since the capture began.", "DEC"),
        Field("thread.cpu", "DOUBLE", "CPU use in percent, on events that report resources."),
        Field("thread.cpu.user", "DOUBLE", "The part of thread.cpu spent in the program."),
        Field("thread.cpu.system", "DOUBLE", "The part of thread.cpu spent in the kernel."),
        Field("thread.pfmajor", "UINT64", "Page faults so far that had to read from disk.", "DEC"),
        Field("thread.pfminor", "UINT64", "Page faults so far that needed no disk.", "DEC"),
        Field("thread.vmsize", "UINT64", "proc.vmsize on the main thread, 0 on the others.", "DEC"),
        Field("thread.vmrss", "UINT64", "proc.vmrss on the main thread, 0 on the others.", "DEC"),
        Field("thread.vmsize.b", "UINT64", "thread.vmsize in bytes.", "DEC", table_only=True, hidden=True),
        Field("thread.vmrss.b", "UINT64", "thread.vmrss in bytes.", "DEC", table_only=True, hidden=True),
        Field("thread.cgroups", "CHARBUF", "All control groups, each as subsystem=path."),
        Field(
            "thread.cgroup",
            "CHARBUF",
            "Control group of one subsystem, such as cpu.",
            argument=Argument("subsystem name", dotted="text", bracket="text"),
        ),
        Field("thread.cap_permitted", "CHARBUF", "Names of the capabilities that it may take up.", classic=False),
        Field("thread.cap_inheritable", "CHARBUF", "Names of the capabilities that it can pass on.", classic=False),
        Field("thread.cap_effective", "CHARBUF", "Names of the capabilities in force.", classic=False),
    ),
)
