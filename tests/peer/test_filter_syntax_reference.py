"""What sysdig 0.29.3 takes for a filter is taken here, too, and means the same.

Acceptance is compared on texts; meaning by handing sysdig the canonical text of what was parsed here.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from scapcore.errors import FilterError
from scappy.fields import FIELDS
from scappy.filters import parse_filter

SHARED = Path(os.environ.get("SCAPPY_SHARED", Path(__file__).resolve().parents[3] / "shared"))
# Small, and with events on files and on IPv4 sockets.
CAPTURE = SHARED / "captures" / "sysflow__client-server__tcp-client-server.scap"


@pytest.fixture(scope="module", autouse=True)
def reference() -> None:
    """Skip where the reference or its capture is missing; in CI that is a failure."""
    missing = "sysdig is not installed" if shutil.which("sysdig") is None else None
    if not CAPTURE.exists():
        missing = f"{CAPTURE} is missing"
    if missing is None:
        return
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@cache
def selected(text: str) -> tuple[str, ...] | None:
    """Numbers of the events that pass at sysdig; None if it refuses the filter."""
    command = ["sysdig", "-r", str(CAPTURE), "-p", "%evt.num", text]
    run = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if run.returncode != 0 or run.stderr:
        return None
    return tuple(run.stdout.decode().split())


def accepted(text: str) -> bool:
    """True if the text is a filter here."""
    try:
        parse_filter(text)
    except FilterError:
        return False
    return True


# Taken by both. Where it can be, the text is one that selects some events and not all.
BOTH = [
    "evt.dir=>",
    "evt.dir=<",
    "evt.dir!=<",
    "evt.dir = >",
    "evt.dir in (>,<)",
    "fd.name=",
    "(fd.name=)",
    "(fd.name= )",
    'fd.name=""',
    "fd.name=''",
    "fd.name != zz",
    "not fd.name = zz",
    "not(fd.name=zz)and(evt.dir=<)",
    "(evt.dir=<)or(evt.dir=>)",
    "  evt.dir=<  ",
    "evt.dir=<\n and\tevt.num>5\r\n",
    "fd.name exists",
    "(fd.name exists) and evt.num<500",
    "not fd.name exists",
    "fd.name contains /etc",
    "fd.name contains/etc",
    'fd.name contains"/etc"',
    "fd.name contains",
    "fd.name!=",
    "fd.name>=/etc",
    "fd.name icontains ETC",
    "fd.name startswith /lib64",
    "fd.name endswith .6",
    "fd.name endswith .so",
    "fd.name glob /*/l?b*",
    "fd.name pmatch (/etc,/usr)",
    "fd.name pmatch (/etc , lib/ )",
    "proc.name in (a,)",
    "fd.name in (a,)",
    "proc.name in (server,)",
    "proc.name in ( server , bash )",
    "proc.name in ('server',\"tcp client\")",
    "proc.name in(server,client)",
    "fd.num in (1,2,3)",
    "fd.name=a=b",
    "fd.name=a,b",
    'fd.name=a"b',
    "fd.name=it's",
    "fd.name=\\x2fetc/ld.so.c\\x61che",
    "proc.name=\\x73\\x65rver",
    'fd.name="\\x2fetc/ld.so.c\\x61che"',
    'evt.buffer contains "\\x7fELF\\x02"',
    "evt.buffer startswith \\x7f\\x45LF",
    'evt.buffer contains "\\x00\\x3e\\x00"',
    'fd.name="a\\"b"',
    'fd.name="a\\\\b"',
    'fd.name="a\\qb"',
    "fd.name=a\\\\b",
    'fd.name="(and or not)"',
    'fd.num="3"',
    'fd.num=" 3"',
    "fd.num=+3",
    "fd.num=-1",
    "evt.cpu=65536",
    "evt.rawarg.res<0",
    "evt.rawarg.size>10",
    "evt.rawarg.name contains etc",
    "evt.rawarg.fd=3",
    "evt.arg.fd contains etc",
    "evt.arg.flags contains O_RDONLY",
    "evt.arg[0] contains etc",
    "evt.type.is.open=1",
    "evt.type.is.3=1",
    "evt.type=open or evt.type=openat or evt.type=socket",
    "evt.type in (open, close) and not evt.dir=<",
    "evt.around[1553543280704111050]=1000",
    "evt.abspath contains a",
    "evt.abspath.src contains a",
    "evt.failed=true",
    "evt.failed<true",
    "evt.buffer contains a",
    "evt.buffer in (a,b)",
    "evt.latency>1000",
    "evt.res=ENOENT",
    "proc.aname=bash",
    "proc.aname[1]=bash",
    "proc.apid!=1",
    "proc.name<m",
    "thread.cgroup.cpu contains /",
    "proc.env contains PATH",
    "k8s.pod.label.app=x",
    "k8s.ns.label.app.kubernetes.io/name=x",
    "container.mount[0]=x",
    "container.mount.dest[/x*]=x",
    "span.tag[0]=x",
    "span.tag[-1]=x",
    "span.arg.name=x",
    "evtin.span.p.tag[1]=x",
    "fd.port=8080",
    "fd.port=73616",
    "fd.port=http-alt",
    "fd.port=https",
    "fd.port=",
    "fd.port>1000",
    "fd.port in (80,https,8080)",
    "fd.proto=http",
    "fd.sport=70000",
    "fd.sport=8080 and fd.cport!=8080",
    "fd.ip=127.0.0.1",
    "fd.ip!=127.0.0.1",
    "fd.ip in (127.0.0.1,::1)",
    "fd.cip=::1",
    "fd.net=127.0.0.0/8",
    "fd.net=127.1.2.3/8",
    "fd.net=::1",
    "fd.l4proto=tcp and (fd.is_server=true or fd.is_server=false) and not (fd.sport=1)",
    "((((evt.dir=<))))",
    "not (not evt.dir=<)",
]

# Taken by neither.
NEITHER = [
    "evt.dir",
    "evt.dir=< and",
    "and evt.dir=<",
    "(evt.dir=<",
    "evt.dir=<)",
    "evt.dir=>and evt.num=1",
    "()",
    "not",
    "evt.dir=< evt.num=1",
    "fd.name=a b",
    'fd.name="a',
    'fd.name="a\\x4"',
    "fd.name=(a)",
    "fd.name in a",
    "fd.name in (a",
    "fd.name in (a b)",
    "fd.name ~ a",
    "fd.name like a",
    "fd.num=0x10",
    "fd.num=0.5",
    "fd.num=a",
    "fd.num=",
    "fd.num in (1,)",
    "fd.num in ()x",
    "fd.port=nosuchservice",
    "fd.ip=1.2.3",
    "fd.ip=1.2.3.256",
    "fd.ip=gggg",
    "fd.net=1.2.3.4",
    "fd.net=1.2.3.4/33",
    "fd.net=1.2.3/8",
    "evt.failed=yes",
    "evt.failed=TRUE",
    "evt.type=nosuchcall",
    "evt.type contains ope",
    "evt.type in (open,nosuchcall)",
    "evt.type.is.nosuchcall=1",
    "evt.type.is=1",
    "evt.arg=1",
    "evt.arg.nosuchargument=1",
    "evt.arg[x]=1",
    "evt.rawarg=1",
    "evt.rawarg[0]=1",
    "evt.around=1",
    "evt.around[1]>1",
    "evt.around[x]=1",
    "evt.abspath.other=1",
    "proc.nme=a",
    "proc=a",
    "name=a",
    "proc.name.x=a",
    "proc.name[0]=a",
    "proc.aname[x]=a",
    "proc.aname.1=a",
    "k8s.pod.label=x",
    "container.mount=x",
    "container.mount.other[0]=x",
    "thread.cgroup=x",
    "span.tag.x=1",
    "evt.num contains 1",
    "evt.num glob 1",
    "evt.num pmatch (1)",
    "fd.ip > 1.2.3.4",
    "fd.port contains 80",
    "fd.cip contains 127",
    "fd.cip.name contains a",
    "evt.buffer icontains a",
    "evt.buffer glob a",
    "evt.buffer > a",
]

# Taken here only: the newest grammar, and what fails there on the way.
HERE = [
    "evt.dir=< and evt.num>5 or evt.num=1",
    "proc.name regex .*",
    "proc.name iglob BASH",
    "proc.name startswith anyof (a,b)",
    "proc.name intersects (a)",
    "tolower(proc.name)=bash",
    "fd.lip=val(fd.cip)",
    "proc.args[0]=x",
    "proc.env[PATH]=x",
    "thread.cgroup[cpu]=x",
    "fd.types in (file)",
    "fd.net=::/0",
    "fd.ip exists",
    "thread.cpu>0.5",
    "   ",
]

# Taken there only: accidents of that scanner, and comparisons without meaning.
THERE = [
    "notevt.dir=<",
    "n ot evt.dir=<",
    "evt.dir=< a nd evt.num=1",
    "evt.dir=< andevt.num=1",
    "fd.name containsfoo",
    "fd.name=\"a'",
    "evt.arg[-1]=x",
    "fd.cip < 1.2.3.4",
    "evt.outputtime=1",
    "evt.around[1] in (1)",
]


@pytest.mark.parametrize("text", BOTH)
def test_taken_by_both(text: str) -> None:
    expected = selected(text)
    assert expected is not None
    assert selected(str(parse_filter(text))) == expected


@pytest.mark.parametrize("text", NEITHER)
def test_taken_by_neither(text: str) -> None:
    assert selected(text) is None
    assert not accepted(text)


@pytest.mark.parametrize("text", HERE)
def test_taken_here_only(text: str) -> None:
    assert selected(text) is None
    assert accepted(text)


@pytest.mark.parametrize("text", THERE)
def test_taken_there_only(text: str) -> None:
    assert selected(text) is not None
    assert not accepted(text)


VALUES = {
    "CHARBUF": "abc",
    "BOOL": "true",
    "PORT": "80",
    "IPADDR": "1.2.3.4",
    "IPNET": "1.2.3.0/24",
    "BYTEBUF": "abc",
}
ARGUMENTS = {"parameter": ".fd", "event": ".open", "side": ".src", "text": ".name"}


def test_every_classic_field_is_known_to_both() -> None:
    checks = []
    for field in FIELDS.values():
        # No value of type DOUBLE can be written there.
        if not field.classic or field.print_only or field.type == "DOUBLE":
            continue
        rule = field.argument
        argument = ""
        if rule is not None and rule.required:
            argument = ARGUMENTS[rule.dotted] if rule.dotted else "[0]"
        value = "open" if field.name == "evt.type" else VALUES.get(field.type, "1")
        checks.append(f"{field.name}{argument} = {value}")
    text = " or ".join(checks)
    assert len(checks) > 250
    assert selected(text) is not None
    assert str(parse_filter(text)) == text


def test_no_other_field_is_known_to_sysdig() -> None:
    newer = [field for field in FIELDS.values() if not field.classic]
    for field in random.Random(1).sample(newer, 12):
        name = field.name
        if field.argument is not None and field.argument.required:
            name += "[0]" if field.argument.bracket else ".res"
        assert selected(f"{name} exists") is None
        assert accepted(f"{name} exists")


def random_filter(choose: random.Random, depth: int) -> str:
    """A filter of the older dialect, with odd blanks."""
    blank = choose.choice((" ", "  ", "\t", "\n"))
    kind = choose.random()
    if depth == 0 or kind < 0.3:
        check = choose.choice(
            (
                "evt.dir=<",
                "evt.dir = >",
                "fd.num>=3",
                "fd.num in (3,4 , 5)",
                "evt.type=close",
                "evt.type in (open,'read')",
                "fd.name exists",
                "fd.name contains lib",
                'fd.name startswith "/usr/lib"',
                "proc.name!=python3",
                "evt.failed=true",
                "fd.name pmatch (/usr, /etc)",
                "evt.num<900",
            )
        )
        return f"not {check}" if choose.random() < 0.2 else check
    if kind < 0.45:
        return f"not{choose.choice(('', ' '))}({random_filter(choose, depth - 1)})"
    word = choose.choice(("and", "or"))
    items = [random_filter(choose, depth - 1) for _ in range(choose.randint(2, 3))]
    return f"{blank}{word}{blank}".join(
        f"({item})" if " or " in item or " and " in item or "\n" in item or "\t" in item else item for item in items
    )


@pytest.mark.parametrize("seed", range(25))
def test_random_filters_mean_the_same(seed: int) -> None:
    text = random_filter(random.Random(seed), 3)
    expected = selected(text)
    assert expected is not None
    assert selected(str(parse_filter(text))) == expected
