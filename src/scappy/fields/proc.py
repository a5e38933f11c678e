"""Fields of the process that caused the event, its ancestors and its program file."""

from __future__ import annotations

from .field import Argument, Field, FieldClass

__all__ = ["PROC"]

LEVEL = Argument("level", bracket="index", required=False)


def ancestor(name: str, type: str, sentence: str, format: str = "NA", *, classic: bool = True) -> Field:
    """A field of the ancestor at a level; without one, filters take any ancestor."""
    return Field(
        name,
        type,
        sentence + " of the ancestor at the given level (0 is the process, 1 its parent); else of any ancestor.",
        format,
        LEVEL,
        no_field_on_right=True,
        no_transformer=True,
        classic=classic,
    )


def leader(prefix: str, which: str) -> tuple[Field, ...]:
    """What runs in the leader of a group or session."""
    return tuple(
        Field(f"{prefix}.{part}", "CHARBUF", f"{what} of the leader of the {which}.", classic=False)
        for part, what in (("name", "Short name"), ("exe", "First command-line word"), ("exepath", "Program path"))
        if prefix != "proc.sid" or part != "name"
    )


def standard_stream(name: str, number: int) -> tuple[Field, Field]:
    """Kind and name of one of the first three descriptors."""
    return (
        Field(f"proc.{name}.type", "CHARBUF", f"fd.type of descriptor {number}.", classic=False),
        Field(f"proc.{name}.name", "CHARBUF", f"fd.name of descriptor {number}.", classic=False),
    )


PROC = FieldClass(
    "proc",
    "The process that caused the event, its ancestors and its program.",
    (
        Field("proc.pid", "INT64", "Id of the process.", "ID"),
        Field("proc.vpid", "INT64", "Id of the process inside its pid namespace.", "ID"),
        Field("proc.name", "CHARBUF", "Short name of the process, which the kernel cuts at 15 bytes."),
        Field("proc.exe", "CHARBUF", "First word of the command line."),
        Field("proc.exepath", "CHARBUF", "Full path of the program file."),
        Field(
            "proc.args",
            "CHARBUF",
            "The command line after its first word, or one word of that by position.",
            argument=Argument("index from 0", bracket="index", required=False),
        ),
        Field("proc.cmdline", "CHARBUF", "Short name and arguments."),
        Field("proc.exeline", "CHARBUF", "First word of the command line and arguments."),
        Field("proc.cmdnargs", "UINT64", "How many arguments the command line has.", "DEC", classic=False),
        Field("proc.cmdlenargs", "UINT64", "Length of all arguments together.", "DEC", classic=False),
        Field(
            "proc.env",
            "CHARBUF",
            "The environment, or the value of one variable.",
            argument=Argument("variable name", bracket="text", required=False),
        ),
        Field("proc.cwd", "CHARBUF", "Working directory, with a slash at its end."),
        Field("proc.tty", "UINT32", "Terminal that controls the process; 0 if none.", "ID", classic_type="INT32"),
        Field("proc.nthreads", "UINT64", "How many threads the process has.", "DEC", classic_type="UINT32"),
        Field("proc.nchilds", "UINT64", "proc.nthreads less the main thread.", "DEC", classic_type="UINT32"),
        Field("proc.ppid", "INT64", "Id of the parent.", "ID"),
        Field("proc.pvpid", "INT64", "Id of the parent inside its pid namespace.", "ID", classic=False),
        Field("proc.pname", "CHARBUF", "Short name of the parent."),
        Field("proc.pexe", "CHARBUF", "First word of the parent's command line.", classic=False),
        Field("proc.pexepath", "CHARBUF", "Full path of the parent's program file.", classic=False),
        Field("proc.pcmdline", "CHARBUF", "Short name and arguments of the parent."),
        ancestor("proc.apid", "INT64", "Id", "ID"),
        ancestor("proc.aname", "CHARBUF", "Short name"),
        ancestor("proc.aexe", "CHARBUF", "First command-line word", classic=False),
        ancestor("proc.aexepath", "CHARBUF", "Program path", classic=False),
        ancestor("proc.acmdline", "CHARBUF", "Short name and arguments", classic=False),
        Field(
            "proc.aenv",
            "CHARBUF",
            "Environment of the ancestor at the given level, or the nearest value of a variable among them.",
            argument=Argument("level or variable name", bracket="either", required=False),
            no_field_on_right=True,
            no_transformer=True,
            classic=False,
        ),
        Field(
            "proc.aargs",
            "CHARBUF",
            "Arguments of the ancestor at the given level, or of all ancestors.",
            argument=LEVEL,
            classic=False,
        ),
        Field("proc.loginshellid", "INT64", "Id of the shell at the top of the login session.", "ID"),
        Field("proc.sid", "INT64", "Id of the session.", "ID"),
        Field("proc.sname", "CHARBUF", "Short name of the leader of the session."),
        *leader("proc.sid", "session"),
        Field("proc.is_sid_leader", "BOOL", "True if the process leads its session.", classic=False),
        Field("proc.vpgid", "INT64", "Id of the process group inside the pid namespace.", "ID"),
        *leader("proc.vpgid", "process group, found by its id inside the pid namespace"),
        Field("proc.is_vpgid_leader", "BOOL", "True if proc.vpgid is proc.vpid.", classic=False),
        Field("proc.pgid", "INT64", "Id of the process group.", "ID", classic=False),
        *leader("proc.pgid", "process group"),
        Field("proc.is_pgid_leader", "BOOL", "True if the process leads its group.", classic=False),
        Field("proc.duration", "RELTIME", "Age of the process at the event, in ns.", "DEC"),
        Field("proc.ppid.duration", "RELTIME", "Age of the parent at the event, in ns.", "DEC", classic=False),
        Field("proc.pid.ts", "RELTIME", "When the process began, in ns since 1970.", "DEC", classic=False),
        Field("proc.ppid.ts", "RELTIME", "When the parent began, in ns since 1970.", "DEC", classic=False),
        Field(
            "proc.pidns_init_start_ts",
            "UINT64",
            "When the pid namespace began, in ns since 1970.",
            "DEC",
            classic=False,
        ),
        Field("proc.fdopencount", "UINT64", "How many descriptors are open.", "DEC"),
        Field("proc.fdlimit", "INT64", "How many descriptors may be open.", "DEC"),
        Field("proc.fdusage", "DOUBLE", "proc.fdopencount in percent of proc.fdlimit.", classic_format="DEC"),
        *standard_stream("stdin", 0),
        *standard_stream("stdout", 1),
        *standard_stream("stderr", 2),
        Field("proc.vmsize", "UINT64", "Virtual memory in KiB.", "DEC"),
        Field("proc.vmrss", "UINT64", "Memory in RAM in KiB.", "DEC"),
        Field("proc.vmswap", "UINT64", "Memory swapped out in KiB.", "DEC"),
        Field("proc.is_exe_writable", "BOOL", "True if its user may write to the program file."),
        Field(
            "proc.is_exe_upper_layer",
            "BOOL",
            "True if the program file is in the upper layer of an overlay mount.",
            classic=False,
        ),
        Field(
            "proc.is_exe_lower_layer",
            "BOOL",
            "True if the program file is in a lower layer of an overlay mount.",
            classic=False,
        ),
        Field("proc.is_exe_from_memfd", "BOOL", "True if the program exists in memory only (memfd).", classic=False),
        Field("proc.exe_ino", "INT64", "Inode of the program file.", "DEC", classic=False),
        Field("proc.exe_ino.ctime", "ABSTIME", "Last change to that inode, in ns since 1970.", "DEC", classic=False),
        Field("proc.exe_ino.mtime", "ABSTIME", "Last write to that file, in ns since 1970.", "DEC", classic=False),
        Field(
            "proc.exe_ino.ctime_duration_proc_start",
            "ABSTIME",
            "How long before the start of the process the program file changed, in ns.",
            "DEC",
            classic=False,
        ),
        Field(
            "proc.exe_ino.ctime_duration_pidns_start",
            "ABSTIME",
            "How long after the start of the pid namespace the program file changed, in ns.",
            "DEC",
            classic=False,
        ),
        Field("proc.is_container_healthcheck", "BOOL", "True if it runs the container's health check.", modern=False),
        Field(
            "proc.is_container_liveness_probe", "BOOL", "True if it runs the container's liveness probe.", modern=False
        ),
        Field(
            "proc.is_container_readiness_probe",
            "BOOL",
            "True if it runs the container's readiness probe.",
            modern=False,
        ),
    ),
)
