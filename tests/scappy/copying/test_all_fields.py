"""Every field of what a part holds is as it was in the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import scappy
from scappy.capture import Capture
from scappy.fields import FIELDS

pyarrow = pytest.importorskip("pyarrow")
pytestmark = pytest.mark.slow

#: They tell of the place of an event in the whole, or add up over it.
OF_THE_WHOLE = frozenset((
    "evt.num", "evt.reltime", "evt.reltime.s", "evt.reltime.ns", "evt.deltatime", "evt.deltatime.s", "evt.deltatime.ns",
    "evt.wait_latency", "thread.exectime", "thread.totexectime", "thread.cpu", "thread.cpu.user", "thread.cpu.system",
))  # fmt: skip
#: What the lists with which a slice begins cannot tell.
NOT_IN_LISTS = frozenset((
    "proc.pid.ts", "proc.ppid.ts", "proc.duration", "proc.ppid.duration", "fd.nameraw", "fd.connected", "fd.cport", "fd.cproto",
    "fd.dev", "fd.dev.major", "fd.dev.minor",
))  # fmt: skip
CLASSES = ("evt", "proc", "thread", "fd", "user", "group", "container", "k8s", "syslog")
WITH_ARGUMENTS = ("proc.aname[1]", "proc.aname[3]", "proc.apid[2]", "thread.cgroup[cpuset]", "proc.env[PATH]")
FILTERS = ("evt.type=read and evt.dir=<", "fd.type=ipv4", "evt.type in (open, openat)", "proc.name contains a", "fd.num=3")
CONTAINERS = "not evt.type = container"


def names() -> list[str]:
    """The fields to compare; those that may look addresses up are left out."""
    found = [
        name
        for name, field in FIELDS.items()
        if name.partition(".")[0] in CLASSES
        and name not in OF_THE_WHOLE
        and not (field.filter_only or field.table_only)
        and (field.argument is None or not field.argument.required)
        and not name.endswith("ip.name")
        and not name.startswith(("k8s.client", "k8s.server"))
    ]
    return [*found, *WITH_ARGUMENTS]


def columns(capture: Capture, where: str) -> dict[str, Any]:
    table = capture.select(names(), where=f"({where}) and {CONTAINERS}").to_arrow()
    found = {name: column.to_pylist() for name, column in zip(names(), table.columns, strict=True)}
    # In no order of their own.
    found["fd.types"] = [sorted(types or []) for types in found["fd.types"]]
    return found


@pytest.fixture(params=range(19))
def path(request: pytest.FixtureRequest, all_captures: list[Path]) -> Path:
    if request.param >= len(all_captures) or all_captures[request.param].stat().st_size > 1_600_000:
        pytest.skip("there are fewer captures of that size")
    return all_captures[request.param]


@pytest.mark.parametrize("where", FILTERS)
def test_of_filtered_copies(path: Path, tmp_path: Path, where: str) -> None:
    capture = scappy.open(path)
    capture.write(tmp_path / "x", where=where)
    expected, found = columns(capture, where), columns(scappy.open(tmp_path / "x"), "evt.num > 0")
    assert [name for name in expected if found[name] != expected[name]] == []


def test_of_slices(path: Path, tmp_path: Path) -> None:
    capture = scappy.open(path)
    times = sorted(event.ts for event in capture)
    if not times:
        pytest.skip("no events")
    begin, end = times[len(times) * 35 // 100], times[len(times) * 6 // 10]
    capture.write(tmp_path / "x", begin=begin, end=end)
    expected = columns(capture, f"evt.rawtime >= {begin} and evt.rawtime <= {end}")
    found = columns(scappy.open(tmp_path / "x"), "evt.num > 0")
    # A directory that nobody knows becomes the root, and so are names below it.
    rows = [row for row, directory in enumerate(expected["proc.cwd"]) if directory]
    # A switch shows how long the last call of the thread took, which may have ended before.
    calls = [row for row in rows if expected["evt.type"][row] != "switch"]
    for name in expected.keys() - NOT_IN_LISTS:
        compared = calls if name.startswith("evt.latency") else rows
        assert [found[name][row] for row in compared] == [expected[name][row] for row in compared], name
