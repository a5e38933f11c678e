"""Turn the JSON files of this folder into C tables and Cython constants; run by setup.py at every build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

#: Type codes of parameters and fields (scap format, section 6.3); the index is the code.
PARAMETER_TYPES = (
    "NONE INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 CHARBUF BYTEBUF ERRNO SOCKADDR SOCKTUPLE FD PID FDLIST "
    "FSPATH SYSCALLID SIGTYPE RELTIME ABSTIME PORT L4PROTO SOCKFAMILY BOOL IPV4ADDR DYN FLAGS8 FLAGS16 FLAGS32 UID GID "
    "DOUBLE SIGSET CHARBUFARRAY CHARBUF_PAIR_ARRAY IPV4NET IPV6ADDR IPV6NET IPADDR IPNET MODE FSRELPATH ENUMFLAGS8 "
    "ENUMFLAGS16 ENUMFLAGS32 FD32 PID32"
).split()
FORMATS = "NA DEC HEX 10_PADDED_DEC ID DIR OCT".split()
CATEGORIES = (
    "UNKNOWN OTHER FILE NET IPC WAIT SIGNAL SLEEP TIME PROCESS SCHEDULER MEMORY USER SYSTEM PROCESSING IO_BASE IO_READ "
    "IO_WRITE IO_OTHER INTERNAL"
).split()
FLAGS = (
    "CREATES_FD DESTROYS_FD USES_FD READS_FROM_FD WRITES_TO_FD MODIFIES_STATE UNUSED WAITS SKIPPARSERESET OLD_VERSION "
    "LARGE_PAYLOAD CONVERTER_MANAGED FROM_SYSCALL"
).split()

#: Bytes of a value by parameter type; what is missing here is of any length.
SIZES = {
    size: names.split()
    for size, names in {
        1: "INT8 UINT8 FLAGS8 ENUMFLAGS8 SIGTYPE",
        2: "INT16 UINT16 FLAGS16 ENUMFLAGS16 SYSCALLID PORT",
        4: "INT32 UINT32 FLAGS32 ENUMFLAGS32 UID GID MODE SIGSET FD32 PID32 IPV4ADDR",
        8: "INT64 UINT64 RELTIME ABSTIME ERRNO FD PID",
        16: "IPV6ADDR",
    }.items()
}
SIZE_OF = {name: size for size, names in SIZES.items() for name in names}
ANY_SIZE = 0xFFFF
#: What becomes of an event on its way to the newest form (scap format, section 7.2).
FATES = "PASS DROP BY_RULE BY_RULE_IF_SHORTER".split()
ACTIONS = "PASS DROP STORE STORE_AND_PASS".split()
ORIGINS = "FILL OLD ENTER CONTAINER".split()


def quoted(text: str) -> str:
    return json.dumps(text)


def event_rows(events: list[dict[str, Any]], tables: list[str], modern: bool) -> tuple[list[str], list[str]]:
    """C initialisers of the event types and of their parameters, for one generation."""
    types: list[str] = []
    parameters: list[str] = []
    for entry in events:
        classic = entry.get("classic", {})
        older = {} if modern else classic
        params = list(entry["params"])
        for index, param in older.get("params", {}).items():
            params[int(index)] = param
        flags = set(older.get("flags", entry["flags"])) | (set(entry["flags"]) & {"LARGE_PAYLOAD"})
        if entry["source"] == "SYSCALL":
            flags.add("FROM_SYSCALL")
        name = older.get("name", entry["name"])
        bits = sum(1 << FLAGS.index(flag) for flag in flags if flag in FLAGS)
        first = len(parameters)
        for param in params:
            table = tables.index(param["table"]) if param.get("table") in tables else -1
            parameters.append(
                f"{{{quoted(param['name'])}, {PARAMETER_TYPES.index(param['type'])}, {FORMATS.index(param['format'])}, "
                f"{table}, {param.get('dirfd', -1)}}}"
            )
        category = CATEGORIES.index(older.get("category", entry["category"]))
        types.append(
            f"{{{quoted(name)}, {len(name)}, {category}, {bits}, {len(params)}, {classic.get('nparams', -1)}, {first}}}"
        )
    return types, parameters


def table_rows(content: dict[str, Any], tables: list[str], modern: bool) -> tuple[list[str], list[str]]:
    """C initialisers of the flag tables: where each begins, and all names with their values."""
    spans: list[str] = []
    rows: list[str] = []
    for name in tables:
        entries = content["dynamic"].get(name)
        if entries is not None:
            entries = [[kind, index | (FORMATS.index(form) << 8)] for index, kind, form in entries]
            spans.append(f"{{{len(rows)}, {len(entries)}}}")
            rows += [f"{{{quoted(kind)}, {PARAMETER_TYPES.index(kind) << 16 | packed}u}}" for kind, packed in entries]
            continue
        entries = content["tables"].get(name, [])
        if not modern:
            entries = content["classic"].get(name, entries)
        spans.append(f"{{{len(rows)}, {len(entries)}}}")
        rows += [f"{{{quoted(label)}, {value & 0xFFFFFFFF}u}}" for label, value in entries]
    return spans, rows


class Conversion:
    """The whole way of an event to its newest form, folded into one step.

    The rules of converter.json change a form into the next one; the oldest need a dozen of them one after another.
    Here each is followed to its end once, so that reading takes one step whatever the age of the capture.
    """

    def __init__(self, events: list[dict[str, Any]], rules: list[dict[str, Any]]) -> None:
        self.events = events
        self.rules = {(rule["type"], rule["nparams"]): rule for rule in rules}

    def fate(self, number: int) -> str:
        """What becomes of events of a type: one of FATES."""
        flags = self.events[number]["flags"]
        if "UNUSED" in flags:
            return "DROP"
        if "CONVERTER_MANAGED" not in flags:
            return "DROP" if "OLD_VERSION" in flags else "PASS"
        return "BY_RULE" if number % 2 == 0 or "OLD_VERSION" in flags else "BY_RULE_IF_SHORTER"

    def arrived(self, number: int, count: int) -> str | None:
        """PASS or DROP where an event needs no rule, None where it does."""
        fate = self.fate(number)
        if fate == "BY_RULE_IF_SHORTER":
            return "PASS" if count >= len(self.events[number]["params"]) else None
        return fate if fate in ("PASS", "DROP") else None

    def origin(self, text: str, parameter: str, enter: int | None, params: list[dict[str, int]]) -> dict[str, int]:
        """Where one parameter of a new form comes from, in terms of the event as it was read.

        `parameter` is its type, `enter` the type of the enter event that may help (None: none can any more),
        `params` where the parameters of the former form come from.
        """
        kind, *rest = text.split()
        size = SIZE_OF.get(parameter, 0)
        empty = {"from": ORIGINS.index("FILL"), "param": 0, "length": 0, "fill": 0, "enter": 0, "cap": ANY_SIZE}
        default = empty | {"length": size, "fill": 255 if parameter in ("UID", "GID") else 0}
        if kind == "empty":
            return empty
        if kind == "default":
            return default
        if kind == "container":
            return empty | {"from": ORIGINS.index("CONTAINER")}
        if kind == "old":
            found = dict(params[int(rest[0])])
        else:
            found = default if rest[2] == "default" else empty
            if enter is not None:
                found = found | {"from": ORIGINS.index("ENTER"), "param": int(rest[0]), "enter": enter}
        if size:
            found["cap"] = min(found["cap"], size)
            found["length"] = min(found["length"], size)
        return found

    def fold(self, number: int, count: int) -> tuple[str, int, list[dict[str, int]] | None]:
        """Follow the rules from a form: what to do with the last one, its type, and where its parameters come from."""
        old = {"from": ORIGINS.index("OLD"), "param": 0, "length": 0, "fill": 0, "enter": 0, "cap": ANY_SIZE}
        params = [old | {"param": index} for index in range(count)]
        used: set[int] = set()
        changed = False
        while True:
            action = self.arrived(number, len(params)) if changed else None
            rule = self.rules.get((number, len(params)))
            if action is None and rule is None:
                action = "PASS"
            elif action is None and rule is not None and rule["action"] in ("store", "pass", "store_and_pass"):
                action = str(rule["action"]).upper()
            if action is not None or rule is None:
                return str(action), number, params if changed else None
            # An enter event helps in one step only: it is gone then.
            enter = None if number - 1 in used else number - 1
            if any(text.startswith("enter") for text in rule["from"]):
                used.add(number - 1)
            number = rule.get("to", number)
            kept = params if rule["action"] == "add_params" else []
            types = [parameter["type"] for parameter in self.events[number]["params"]]
            added = [
                self.origin(text, types[index], enter, params) for index, text in enumerate(rule["from"], len(kept))
            ]
            params = kept + added
            changed = True

    def tables(self) -> list[str]:
        """The C tables: the fate of each type, its rules by number of parameters, and their parameters' origins."""
        rules: list[str] = []
        origins: list[str] = []
        places = [0]
        for number in range(len(self.events)):
            for _, count in sorted(key for key in self.rules if key[0] == number):
                action, to, params = self.fold(number, count)
                size = "SCAP_AS_IT_IS" if params is None else len(params)
                rules.append(f"{{{to}, {len(origins)}, {count}, {ACTIONS.index(action)}, {size}}}")
                for param in params or []:
                    origins.append("{" + ", ".join(str(value) for value in param.values()) + "}")
            places.append(len(rules))
        fates = [str(FATES.index(self.fate(number))) for number in range(len(self.events))]
        return [
            "typedef struct { unsigned short to, first; unsigned char nparams, action, count; } scap_rule;",
            "typedef struct { unsigned char from, param, length, fill; unsigned short enter, cap; } scap_origin;",
            "#define SCAP_AS_IT_IS 255\n",
            array("unsigned char", "scap_fates", fates),
            array("unsigned short", "scap_rule_places", [str(place) for place in places]),
            array("scap_rule", "scap_rules", rules),
            array("scap_origin", "scap_origins", origins),
        ]


def array(kind: str, name: str, rows: list[str]) -> str:
    body = ",\n  ".join(rows)
    return f"static const {kind} {name}[] = {{\n  {body}\n}};\n"


def dense(pairs: list[tuple[int, str]]) -> list[str]:
    """Names by number as a C array, NULL where there is none."""
    names = dict(pairs)
    return [quoted(names[value]) if value in names else "0" for value in range(max(names) + 1)]


def header() -> str:
    events = json.loads((HERE / "events.json").read_text())["events"]
    flags = json.loads((HERE / "flags.json").read_text())
    syscalls = json.loads((HERE / "syscalls.json").read_text())["syscalls"]
    tables = list(flags["tables"]) + list(flags["dynamic"])
    parts = [
        "/* Made by generate.py from the JSON files beside it. */\n#ifndef SCAP_TABLES_H\n#define SCAP_TABLES_H\n",
        "typedef struct { const char *name; unsigned char type, format; short table; signed char dirfd; } "
        "scap_parameter;",
        "typedef struct { const char *name; unsigned char name_length, category; unsigned short flags; "
        "unsigned char nparams; signed char reference; unsigned short first; } scap_event_type;",
        "typedef struct { const char *name; unsigned int value; } scap_flag;",
        "typedef struct { unsigned short first, count; } scap_span;\n",
        f"#define SCAP_EVENT_COUNT {len(events)}",
        f"#define SCAP_SYSCALL_COUNT {len(dense([(s['code'], s['name']) for s in syscalls]))}",
        f"#define SCAP_NATIVE_COUNT {max(s.get('native', 0) for s in syscalls) + 1}",
        f"#define SCAP_ERRNO_COUNT {len(dense([(v, n) for n, v in flags['errno']]))}",
        f"#define SCAP_SIGNAL_COUNT {len(dense([(v, n) for n, v in flags['signal']]))}",
    ]
    for generation in ("classic", "modern"):
        modern = generation == "modern"
        types, parameters = event_rows(events, tables, modern)
        spans, rows = table_rows(flags, tables, modern)
        parts.append(array("scap_event_type", f"scap_events_{generation}", types))
        parts.append(array("scap_parameter", f"scap_parameters_{generation}", parameters))
        parts.append(array("scap_span", f"scap_spans_{generation}", spans))
        parts.append(array("scap_flag", f"scap_flags_{generation}", rows))
        names = [(s["code"], s["name"] if modern else s.get("classic", s).get("name", s["name"])) for s in syscalls]
        parts.append(array("char *const", f"scap_syscalls_{generation}", dense(names)))
    categories = [0] * len(dense([(s["code"], s["name"]) for s in syscalls]))
    for entry in syscalls:
        if "category" in entry.get("classic", {}):
            categories[entry["code"]] = CATEGORIES.index(entry["classic"]["category"])
        else:
            categories[entry["code"]] = CATEGORIES.index("OTHER")
    parts.append(array("unsigned char", "scap_syscall_categories", [str(c) for c in categories]))
    natives = [(s["native"], s["name"]) for s in syscalls if "native" in s]
    parts.append(array("char *const", "scap_natives", dense(natives)))
    parts.append(array("char *const", "scap_errnos", dense([(v, n) for n, v in flags["errno"]])))
    parts.append(array("char *const", "scap_signals", dense([(v, n) for n, v in flags["signal"]])))
    parts += Conversion(events, json.loads((HERE / "converter.json").read_text())["rules"]).tables()
    parts.append("#endif\n")
    return "\n".join(parts)


def constants() -> str:
    events = json.loads((HERE / "events.json").read_text())["events"]
    lines = ["# Made by generate.py from the JSON files beside it.", "", "cdef enum EventId:"]
    lines += [f"    {entry['id']} = {entry['type']}" for entry in events if not entry["id"].startswith("NA")]
    lines += ["", "cdef enum ParameterType:"]
    lines += [f"    PT_{name} = {code}" for code, name in enumerate(PARAMETER_TYPES)]
    lines += ["", "cdef enum NumberFormat:"]
    lines += [f"    PF_{name} = {code}" for code, name in enumerate(FORMATS)]
    lines += ["", "cdef enum Category:"]
    lines += [f"    CATEGORY_{name} = {code}" for code, name in enumerate(CATEGORIES)]
    lines += ["", "cdef enum EventFlag:"]
    lines += [f"    EF_{name} = {1 << bit}" for bit, name in enumerate(FLAGS)]
    for kind, words in (("Fate", FATES), ("RuleAction", ACTIONS), ("Origin", ORIGINS)):
        prefix = {"Fate": "FATE", "RuleAction": "ACTION", "Origin": "FROM"}[kind]
        lines += ["", f"cdef enum {kind}:"]
        lines += [f"    {prefix}_{word} = {code}" for code, word in enumerate(words)]
    return "\n".join(lines) + "\n"


def write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


if __name__ == "__main__":
    write_if_changed(HERE / "_tables.h", header())
    write_if_changed(HERE / "types.pxd", constants())
