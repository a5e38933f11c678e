"""Fields of the event itself: number, times, type, arguments, outcome."""

from __future__ import annotations

from .field import Argument, Field, FieldClass

__all__ = ["EVT"]


def table(name: str, type: str, sentence: str, *, format: str = "DEC", deprecated: bool = False) -> Field:
    """A field that exists for sums in tables."""
    return Field(name, type, sentence, format, table_only=True, hidden=True, deprecated=deprecated)


EVT = FieldClass(
    "evt",
    "The event itself: its number, time, type, arguments and outcome.",
    (
        Field("evt.num", "UINT64", "Number of the event, counted from 1 over all events of the capture.", "ID"),
        Field("evt.time", "CHARBUF", "Local time of day, with nanoseconds."),
        Field("evt.time.s", "CHARBUF", "Local time of day in whole seconds."),
        Field("evt.time.iso8601", "CHARBUF", "Date and time in ISO 8601 form, in UTC and with nanoseconds."),
        Field("evt.datetime", "CHARBUF", "Local date and time, with nanoseconds."),
        Field("evt.datetime.s", "CHARBUF", "Local date and time in whole seconds."),
        Field("evt.rawtime", "ABSTIME", "Time of the event in nanoseconds since 1970.", "DEC"),
        Field("evt.rawtime.s", "ABSTIME", "The whole seconds of evt.rawtime.", "DEC"),
        Field("evt.rawtime.ns", "ABSTIME", "What evt.rawtime has beyond its whole seconds, in ns.", "10_PADDED_DEC"),
        Field("evt.reltime", "RELTIME", "Nanoseconds since the capture's first event.", "10_PADDED_DEC"),
        Field("evt.reltime.s", "RELTIME", "The whole seconds of evt.reltime.", "DEC"),
        Field("evt.reltime.ns", "RELTIME", "What evt.reltime has beyond its whole seconds, in ns.", "10_PADDED_DEC"),
        Field("evt.deltatime", "RELTIME", "Nanoseconds since the event before this one, of whatever thread.", "DEC"),
        Field("evt.deltatime.s", "RELTIME", "The whole seconds of evt.deltatime.", "DEC"),
        Field(
            "evt.deltatime.ns", "RELTIME", "What evt.deltatime has beyond its whole seconds, in ns.", "10_PADDED_DEC"
        ),
        Field("evt.outputtime", "CHARBUF", "The time in the form that option -t chose.", print_only=True, hidden=True),
        Field(
            "evt.latency",
            "RELTIME",
            "How long the call took, in ns: from the enter event to this exit event; 0 if no pair was found.",
            "DEC",
            deprecated=True,
        ),
        Field("evt.latency.s", "RELTIME", "The whole seconds of evt.latency.", "DEC", deprecated=True),
        Field(
            "evt.latency.ns",
            "RELTIME",
            "What evt.latency has beyond its whole seconds, in ns.",
            "10_PADDED_DEC",
            deprecated=True,
        ),
        table("evt.latency.quantized", "UINT64", "Step of evt.latency on a logarithmic scale.", deprecated=True),
        Field("evt.latency.human", "CHARBUF", "evt.latency with a unit that suits its size.", deprecated=True),
        Field("evt.wait_latency", "RELTIME", "evt.latency of waiting calls only, in ns.", "DEC", deprecated=True),
        Field("evt.dir", "CHARBUF", "Direction: > when a call is entered, < when it returns.", "DIR", deprecated=True),
        Field("evt.type", "CHARBUF", "Name of the event, such as open."),
        Field(
            "evt.type.is",
            "UINT32",
            "1 if the event is of the named type, 0 if not.",
            argument=Argument("event name or number", dotted="event"),
        ),
        Field("evt.category", "CHARBUF", "Group that the event belongs to, such as file, net or process."),
        Field("evt.cpu", "INT16", "Processor that the event happened on.", "ID"),
        Field("evt.args", "CHARBUF", "All arguments, each as name=value."),
        Field(
            "evt.arg",
            "CHARBUF",
            "One argument as readable text, by name or by position.",
            argument=Argument("name or index", dotted="parameter", bracket="index"),
        ),
        Field(
            "evt.rawarg",
            "DYN",
            "One argument as it was recorded, by name.",
            argument=Argument("name", dotted="parameter"),
            no_field_on_right=True,
            no_transformer=True,
        ),
        Field("evt.info", "CHARBUF", "The arguments, or a better summary where one can be made, as of log lines."),
        Field("evt.buffer", "BYTEBUF", "The data that the call read, wrote, sent or received."),
        Field("evt.buflen", "UINT64", "How many bytes of data the call moved.", "DEC"),
        table("evt.buflen.in", "UINT64", "evt.buflen of calls that read."),
        table("evt.buflen.out", "UINT64", "evt.buflen of calls that write."),
        table("evt.buflen.file", "UINT64", "evt.buflen of calls on files."),
        table("evt.buflen.file.in", "UINT64", "evt.buflen of reads from files."),
        table("evt.buflen.file.out", "UINT64", "evt.buflen of writes to files."),
        table("evt.buflen.net", "UINT64", "evt.buflen of calls on network sockets."),
        table("evt.buflen.net.in", "UINT64", "evt.buflen of what came from the network."),
        table("evt.buflen.net.out", "UINT64", "evt.buflen of what went to the network."),
        Field("evt.res", "CHARBUF", "Outcome as a word: SUCCESS or the name of an error such as ENOENT.", "DEC"),
        Field("evt.rawres", "INT64", "Outcome as a number; an error is its negated errno code.", "DEC"),
        Field("evt.failed", "BOOL", "True if the call returned an error."),
        Field("evt.is_io", "BOOL", "True for reads and writes of any kind."),
        Field("evt.is_io_read", "BOOL", "True for reads of any kind, such as read, recv and recvfrom."),
        Field("evt.is_io_write", "BOOL", "True for writes of any kind, such as write, send and sendto."),
        Field("evt.io_dir", "CHARBUF", "The word read or write; missing on events that move no data."),
        Field("evt.is_wait", "BOOL", "True for calls that wait, such as poll, select and nanosleep."),
        Field("evt.is_syslog", "BOOL", "True for writes to the system log, /dev/log."),
        Field("evt.is_open_read", "BOOL", "True if a file was opened for reading."),
        Field("evt.is_open_write", "BOOL", "True if a file was opened for writing."),
        Field("evt.is_open_exec", "BOOL", "True if the call made a new file that may be executed."),
        Field("evt.is_open_create", "BOOL", "True if the open made a new file.", classic=False),
        Field(
            "evt.abspath",
            "CHARBUF",
            "Absolute path of calls that take a directory descriptor; .src and .dst choose one of two paths.",
            argument=Argument("src or dst", dotted="side", required=False),
        ),
        Field(
            "evt.around",
            "UINT64",
            "Selects the events at most so many milliseconds away from the time given in brackets (ns since 1970).",
            format="DEC",
            argument=Argument("time in ns", bracket="index"),
            filter_only=True,
            no_field_on_right=True,
            no_transformer=True,
        ),
        Field("evt.count", "UINT32", "The number 1, for adding up events.", "DEC"),
        Field("evt.count.error", "UINT32", "1 if the call failed; otherwise missing.", "DEC"),
        Field("evt.count.error.file", "UINT32", "1 if a file call failed; otherwise missing.", "DEC"),
        Field("evt.count.error.net", "UINT32", "1 if a network call failed; otherwise missing.", "DEC"),
        Field("evt.count.error.memory", "UINT32", "1 if a memory call failed; otherwise missing.", "DEC"),
        Field("evt.count.error.other", "UINT32", "1 if a call of any other group failed; otherwise missing.", "DEC"),
        Field("evt.count.exit", "UINT32", "1 if this is an exit event; otherwise missing.", "DEC"),
        table("evt.count.procinfo", "UINT32", "1 if the event reports the resources of a process; otherwise missing."),
        table("evt.count.threadinfo", "UINT32", "1 if the event reports the resources of a thread; otherwise missing."),
        Field("evt.pluginname", "CHARBUF", "Plugin that made the event, if it is loaded."),
        Field("evt.plugininfo", "CHARBUF", "Summary that the plugin gives of its event, if it is loaded."),
        Field(
            "evt.source", "CHARBUF", "Where the event comes from: syscall, or the source of a plugin.", classic=False
        ),
        Field("evt.is_async", "BOOL", "True if the event was put in from outside the stream.", classic=False),
        Field("evt.asynctype", "CHARBUF", "Name of an event put in from outside the stream.", classic=False),
        Field("evt.hostname", "CHARBUF", "Name of the machine that was captured.", classic=False),
        table("evt.infra.docker.name", "CHARBUF", "What a docker infrastructure event reports.", format="NA"),
        table("evt.infra.docker.container.id", "CHARBUF", "Container id in such an event.", format="NA"),
        table("evt.infra.docker.container.name", "CHARBUF", "Container name in such an event.", format="NA"),
        table("evt.infra.docker.container.image", "CHARBUF", "Container image in such an event.", format="NA"),
    ),
)
