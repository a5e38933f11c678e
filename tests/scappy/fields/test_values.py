"""Every field has a case that names its meaning: a value at an event of a capture made for that, or what it selects."""

from __future__ import annotations

import gzip
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from field_scene import BOOT, Scene

import scappy
from scapcore import domains
from scapcore.event import FieldReader, event_at
from scapcore.reader import Reader
from scapcore.source import open_source
from scappy.capture import ALL_NEEDS
from scappy.fields import FIELDS
from scappy.fields.compiling import compile_field
from scappy.formats import TextSink, parse

OPEN_ARGUMENTS = "fd=7(<f>/home/ann/notes.txt) name=.//notes.txt(/home/ann/notes.txt) flags=49153(O_RDONLY) mode=0644 dev=801 "

#: Field with its argument, event, value.
VALUES: tuple[tuple[str, str, object], ...] = (
    ("evt.num", "open", 10),
    ("evt.time", "open", "22:13:20.000032000"),
    ("evt.time.s", "open", "22:13:20"),
    ("evt.time.iso8601", "open", "2023-11-14T22:13:20.000032000+0000"),
    ("evt.datetime", "open", "2023-11-14 22:13:20.000032000"),
    ("evt.datetime.s", "open", "2023-11-14 22:13:20"),
    ("evt.rawtime", "open", 1700000000000032000),
    ("evt.rawtime.s", "open", 1700000000),
    ("evt.rawtime.ns", "open", 32000),
    ("evt.reltime", "open", 31000),
    ("evt.reltime.s", "open", 0),
    ("evt.reltime.ns", "open", 31000),
    ("evt.latency", "open", 25000),
    ("evt.latency.s", "open", 0),
    ("evt.latency.ns", "open", 25000),
    ("evt.latency.quantized", "open", 32),
    ("evt.latency.human", "open", "25us"),
    ("evt.wait_latency", "wait", 1000),
    ("evt.dir", "open", "<"),
    ("evt.type", "open", "open"),
    ("evt.type.is.open", "open", 1),
    ("evt.category", "open", "file"),
    ("evt.cpu", "switch 1", 1),
    ("evt.args", "open", OPEN_ARGUMENTS),
    ("evt.arg.fd", "open", "<f>/home/ann/notes.txt"),
    ("evt.arg[1]", "open", "/home/ann/notes.txt"),
    ("evt.rawarg.res", "read", 5),
    ("evt.info", "open", OPEN_ARGUMENTS),
    ("evt.buffer", "read", b"hello"),
    ("evt.buflen", "read", 5),
    ("evt.buflen.in", "read", 5),
    ("evt.buflen.out", "write", 14),
    ("evt.buflen.file", "read", 5),
    ("evt.buflen.file.in", "read", 5),
    ("evt.buflen.file.out", "file write", 4),
    ("evt.buflen.net", "send", 3),
    ("evt.buflen.net.in", "net read", 2),
    ("evt.buflen.net.out", "send", 3),
    ("evt.res", "open", "SUCCESS"),
    ("evt.rawres", "open", 7),
    ("evt.failed", "failed", True),
    ("evt.is_io", "read", True),
    ("evt.is_io_read", "read", True),
    ("evt.is_io_write", "write", True),
    ("evt.io_dir", "read", "read"),
    ("evt.is_wait", "wait>", True),
    ("evt.is_syslog", "write", True),
    ("evt.is_open_read", "open", True),
    ("evt.is_open_write", "openat", True),
    ("evt.is_open_exec", "openat", True),
    ("evt.is_open_create", "open", True),
    ("evt.abspath", "openat", "/tmp/run.sh"),
    ("evt.count", "open", 1),
    ("evt.count.error", "failed", 1),
    ("evt.count.error.file", "failed", 1),
    ("evt.count.error.net", "refused", 1),
    ("evt.count.error.memory", "mmap failed", 1),
    ("evt.count.error.other", "no child", 1),
    ("evt.count.exit", "open", 1),
    ("evt.count.procinfo", "report 1", 1),
    ("evt.count.threadinfo", "report 1", 1),
    ("evt.source", "open", "syscall"),
    ("evt.is_async", "async", True),
    ("evt.asynctype", "async", "reload"),
    ("evt.hostname", "open", "node1"),
    ("evt.infra.docker.name", "infra", "start"),
    ("evt.infra.docker.container.id", "infra", "0123456789ab"),
    ("evt.infra.docker.container.name", "infra", "web"),
    ("evt.infra.docker.container.image", "infra", "nginx"),
    ("syscall.type", "open", "open"),
    ("proc.pid", "open", 42),
    ("proc.vpid", "open", 42),
    ("proc.name", "open", "cat"),
    ("proc.exe", "open", "/bin/cat"),
    ("proc.exepath", "open", "/usr/bin/cat"),
    ("proc.args", "open", "-n notes.txt"),
    ("proc.args[1]", "open", "notes.txt"),
    ("proc.cmdline", "open", "cat -n notes.txt"),
    ("proc.exeline", "open", "/bin/cat -n notes.txt"),
    ("proc.cmdnargs", "open", 2),
    ("proc.cmdlenargs", "open", 11),
    ("proc.env", "open", "LANG=C PAGER=less"),
    ("proc.env[PAGER]", "open", "less"),
    ("proc.cwd", "open", "/home/ann/"),
    ("proc.tty", "exec", 34816),
    ("proc.nthreads", "open", 2),
    ("proc.nchilds", "open", 1),
    ("proc.ppid", "open", 20),
    ("proc.pvpid", "open", 20),
    ("proc.pname", "open", "bash"),
    ("proc.pexe", "open", "-bash"),
    ("proc.pexepath", "open", "/bin/bash"),
    ("proc.pcmdline", "open", "bash"),
    ("proc.apid[2]", "open", 10),
    ("proc.aname[2]", "open", "sshd"),
    ("proc.aexe", "open", "-bash sshd: /sbin/init"),
    ("proc.aexe[1]", "open", "-bash"),
    ("proc.aexepath", "open", "/bin/bash /usr/sbin/sshd /lib/systemd/systemd"),
    ("proc.aexepath[2]", "open", "/usr/sbin/sshd"),
    ("proc.acmdline", "open", "bash sshd ann systemd"),
    ("proc.acmdline[2]", "open", "sshd ann"),
    ("proc.aenv[1]", "open", "TERM=xterm EDITOR= vi "),
    ("proc.aenv[EDITOR]", "open", "vi"),
    ("proc.aargs", "open", "ann "),
    ("proc.aargs[2]", "open", "ann"),
    ("proc.loginshellid", "open", 20),
    ("proc.sid", "open", 20),
    ("proc.sname", "open", "bash"),
    ("proc.sid.exe", "open", "-bash"),
    ("proc.sid.exepath", "open", "/bin/bash"),
    ("proc.is_sid_leader", "infra", True),
    ("proc.vpgid", "open", 42),
    ("proc.vpgid.name", "open", "cat"),
    ("proc.vpgid.exe", "open", "/bin/cat"),
    ("proc.vpgid.exepath", "open", "/usr/bin/cat"),
    ("proc.is_vpgid_leader", "open", True),
    ("proc.pgid", "exec", 80),
    ("proc.pgid.name", "exec", "tool"),
    ("proc.pgid.exe", "exec", "./tool"),
    ("proc.pgid.exepath", "exec", "/home/ann/tool"),
    ("proc.is_pgid_leader", "exec", True),
    ("proc.duration", "exec", 1000),
    ("proc.ppid.duration", "grandchild", 3000),
    ("proc.pid.ts", "exec", 1700000000000061000),
    ("proc.ppid.ts", "grandchild", 1700000000000061000),
    ("proc.pidns_init_start_ts", "exec", 1699999000000000500),
    ("proc.fdopencount", "open", 8),
    ("proc.fdlimit", "open", 20),
    ("proc.fdusage", "open", 40.0),
    ("proc.stdin.type", "open", "file"),
    ("proc.stdin.name", "open", "/dev/tty1"),
    ("proc.stdout.type", "open", "pipe"),
    ("proc.stdout.name", "open", "pipe:[7]"),
    ("proc.stderr.type", "open", "file"),
    ("proc.stderr.name", "open", "/tmp/errors"),
    ("proc.vmsize", "open", 3000),
    ("proc.vmrss", "open", 200),
    ("proc.vmswap", "open", 10),
    ("proc.is_exe_writable", "exec", True),
    ("proc.is_exe_upper_layer", "exec", True),
    ("proc.is_exe_lower_layer", "exec", True),
    ("proc.is_exe_from_memfd", "exec", True),
    ("proc.exe_ino", "exec", 777),
    ("proc.exe_ino.ctime", "exec", 1699999000000001500),
    ("proc.exe_ino.mtime", "exec", 1699999999999999995),
    ("proc.exe_ino.ctime_duration_proc_start", "exec", 1000000059500),
    ("proc.exe_ino.ctime_duration_pidns_start", "exec", 1000),
    ("proc.is_container_healthcheck", "clone check", True),
    ("proc.is_container_liveness_probe", "clone alive", True),
    ("proc.is_container_readiness_probe", "clone ready", True),
    ("thread.tid", "open", 42),
    ("thread.vtid", "open", 42),
    ("thread.ismain", "open", True),
    ("thread.nametid", "open", "cat42"),
    ("thread.exectime", "switch 2", 1000),
    ("thread.totexectime", "switch 2", 1000),
    ("thread.cpu", "report 2", 27.0),
    ("thread.cpu.user", "report 2", 20.0),
    ("thread.cpu.system", "report 2", 7.0),
    ("thread.pfmajor", "open", 2),
    ("thread.pfminor", "open", 77),
    ("thread.vmsize", "open", 3000),
    ("thread.vmrss", "open", 200),
    ("thread.vmsize.b", "open", 3072000),
    ("thread.vmrss.b", "open", 204800),
    ("thread.cgroups", "open", "cpuset=/user memory=/slice"),
    ("thread.cgroup.memory", "open", "/slice"),
    ("thread.cap_permitted", "exec", "CAP_CHOWN CAP_SYS_ADMIN"),
    ("thread.cap_inheritable", "exec", "CAP_CHOWN"),
    ("thread.cap_effective", "exec", "CAP_NET_RAW"),
    ("user.uid", "open", 1000),
    ("user.name", "open", "ann"),
    ("user.homedir", "open", "/home/ann"),
    ("user.shell", "open", "/bin/zsh"),
    ("user.loginuid", "open", 1000),
    ("user.loginname", "open", "ann"),
    ("group.gid", "open", 50),
    ("group.name", "open", "staff"),
    ("fd.num", "open", 7),
    ("fd.type", "open", "file"),
    ("fd.typechar", "open", "f"),
    ("fd.types[1]", "open", ["pipe"]),
    ("fd.name", "open", "/home/ann/notes.txt"),
    ("fd.nameraw", "open", "notes.txt"),
    ("fd.directory", "open", "/home/ann"),
    ("fd.filename", "open", "notes.txt"),
    ("fd.cip", "send", "10.0.0.5"),
    ("fd.sip", "send", "192.0.2.7"),
    ("fd.lip", "send", "10.0.0.5"),
    ("fd.rip", "send", "192.0.2.7"),
    ("fd.cport", "send", 40000),
    ("fd.sport", "send", 443),
    ("fd.lport", "send", 40000),
    ("fd.rport", "send", 443),
    ("fd.cproto", "send", "40000"),
    ("fd.sproto", "send", "443"),
    ("fd.lproto", "send", "40000"),
    ("fd.rproto", "send", "443"),
    ("fd.l4proto", "send", "tcp"),
    ("fd.sockfamily", "write", "unix"),
    ("fd.is_server", "server", True),
    ("fd.connected", "send", True),
    ("fd.name_changed", "open", True),
    ("fd.uid", "open", "427"),
    ("fd.containername", "open", ":/home/ann/notes.txt"),
    ("fd.containerdirectory", "open", ":/home/ann"),
    ("fd.dev", "open", 2049),
    ("fd.dev.major", "open", 8),
    ("fd.dev.minor", "open", 1),
    ("fd.ino", "open", 99),
    ("fd.is_upper_layer", "open", True),
    ("fd.is_lower_layer", "openat", True),
    ("fs.path.name", "open", "/home/ann/notes.txt"),
    ("fs.path.nameraw", "open", ".//notes.txt"),
    ("fs.path.source", "rename", "/home/ann/old"),
    ("fs.path.sourceraw", "rename", "old"),
    ("fs.path.target", "rename", "/tmp/new"),
    ("fs.path.targetraw", "rename", "/tmp/./new"),
    ("fdlist.nums", "poll", "3,4,6"),
    ("fdlist.names", "poll", "10.0.0.5:40000->192.0.2.7:443,0.0.0.0:22,/home/ann/notes.txt"),
    ("fdlist.cips", "poll", "10.0.0.5"),
    ("fdlist.sips", "poll", "192.0.2.7,0.0.0.0"),
    ("fdlist.cports", "poll", "40000"),
    ("fdlist.sports", "poll", "443"),
    ("syslog.facility", "write", 3),
    ("syslog.facility.str", "write", "daemon"),
    ("syslog.severity", "write", 6),
    ("syslog.severity.str", "write", "info"),
    ("syslog.message", "write", "disk full\n"),
    ("container.id", "cart", "121212121212"),
    ("container.full_id", "clone check", "abababababababababababababababababababababababababababababababab"),
    ("container.name", "cart", "cart-1-main"),
    ("container.type", "cart", "docker"),
    ("container.image", "cart", "cart"),
    ("container.image.id", "clone check", "sha-web"),
    ("container.image.repository", "clone check", "registry/web"),
    ("container.image.tag", "clone check", "1.2"),
    ("container.image.digest", "clone check", "sha256:beef"),
    ("container.privileged", "clone check", True),
    ("container.host_pid", "clone check", True),
    ("container.host_network", "cart", False),
    ("container.host_ipc", "clone check", True),
    ("container.ip", "clone check", "172.17.0.3"),
    ("container.cni.json", "clone check", '{"net":"one"}'),
    ("container.start_ts", "clone check", 1699999000000000000),
    ("container.mounts", "clone check", "/data:/var/data:rw:true:rprivate,/etc/web:/conf::false:rslave"),
    ("container.mount[/data]", "clone check", "/data:/var/data:rw:true:rprivate"),
    ("container.mount[1]", "clone check", "/etc/web:/conf::false:rslave"),
    ("container.mount.source[/c*]", "clone check", "/etc/web"),
    ("container.mount.dest[/etc/*]", "clone check", "/conf"),
    ("container.mount.mode[0]", "clone check", "rw"),
    ("container.mount.rdwr[1]", "clone check", "false"),
    ("container.mount.propagation[1]", "clone check", "rslave"),
    ("container.healthcheck", "clone check", "/bin/check -q now"),
    ("container.healthcheck", "cart", "NONE"),
    ("container.liveness_probe", "clone check", "/bin/alive"),
    ("container.readiness_probe", "clone check", "/bin/ready -q now"),
    ("k8s.pod.name", "cart", "cart-1"),
    ("k8s.pod.id", "cart", "p-1"),
    ("k8s.pod.uid", "cart", "p-1"),
    ("k8s.pod.sandbox_id", "clone check", "cdcdcdcdcdcd"),
    ("k8s.pod.full_sandbox_id", "clone check", "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"),
    ("k8s.pod.label.app", "cart", "cart"),
    ("k8s.pod.labels", "cart", "app:cart, zone:b"),
    ("k8s.pod.ip", "clone check", "172.17.0.3"),
    ("k8s.pod.cni.json", "clone check", '{"net":"one"}'),
    ("k8s.rc.name", "cart", "cart-rc"),
    ("k8s.rc.id", "cart", "u-cart-rc"),
    ("k8s.rc.label.of", "cart", "cart-rc"),
    ("k8s.rc.labels", "cart", "of:cart-rc"),
    ("k8s.svc.name", "cart", "front, back"),
    ("k8s.svc.id", "cart", "u-front, u-back"),
    ("k8s.svc.label.of", "cart", "front, back"),
    ("k8s.svc.labels", "cart", "of:front, of:back"),
    ("k8s.ns.name", "cart", "prod"),
    ("k8s.ns.id", "cart", "n-1"),
    ("k8s.ns.label.team", "cart", "red"),
    ("k8s.ns.labels", "cart", "team:red"),
    ("k8s.rs.name", "cart", "cart-rs"),
    ("k8s.rs.id", "cart", "u-cart-rs"),
    ("k8s.rs.label.of", "cart", "cart-rs"),
    ("k8s.rs.labels", "cart", "of:cart-rs"),
    ("k8s.deployment.name", "cart", "cart-deployment"),
    ("k8s.deployment.id", "cart", "u-cart-deployment"),
    ("k8s.deployment.label.of", "cart", "cart-deployment"),
    ("k8s.deployment.labels", "cart", "of:cart-deployment"),
    ("evt.count.error", "open", None),
    ("evt.io_dir", "open", None),
    ("syslog.message", "read", None),
    ("container.id", "open", "host"),
    ("container.image", "open", None),
    ("container.mount[7]", "clone check", None),
    ("k8s.pod.name", "clone check", "shop-7"),
    ("k8s.pod.label.app", "clone check", "shop"),
    ("k8s.pod.labels", "clone check", "app:shop, tier"),
    ("k8s.rc.name", "clone check", None),
    ("proc.is_container_healthcheck", "clone alive", False),
    ("proc.env[NONE]", "open", ""),
    ("proc.exe_ino", "open", None),
    ("thread.cpu", "report 1", 0.0),
    ("thread.cpu", "open", None),
    ("thread.exectime", "switch 1", 0),
    ("thread.vmsize", "thread", 0),
    ("fs.path.name", "mkdirat", "/home/ann/deep"),
    ("fs.path.name", "rename", None),
    ("fd.nameraw", "failed", "/none"),
)

#: Fields for filters only, or whose value depends on what ran before: a filter, and the events that it selects.
SELECTIONS = (
    ("evt.around[1700000000000032000] = 0", {"open"}),
    ("fd.ip = 198.51.100.4", {"server"}),
    ("fd.ip = 10.0.0.5 and evt.type = accept", {"server"}),
    ("fd.net = 198.51.100.0/24", {"server"}),
    ("fd.cnet = 198.51.0.0/16", {"server"}),
    ("fd.snet = 10.0.0.0/24", {"server"}),
    ("fd.lnet = 10.0.0.0/24 and evt.type = accept", {"server"}),
    ("fd.rnet = 198.51.100.0/24", {"server"}),
    ("fd.port = 5555", {"server"}),
    ("fd.proto = 5555", {"server"}),
    ("proc.aenv contains EDITOR and evt.type = mkdir", {"mkdir"}),
    ("proc.aexepath = /usr/sbin/sshd and evt.type = mkdir", {"mkdir"}),
    ("proc.acmdline startswith sshd and evt.type = mkdir", {"mkdir"}),
    ("fd.types intersects (pipe) and evt.type = bind", {"bind>", "bind"}),
    ("fd.types in (pipe) and evt.type = bind", set()),
    ("len(fd.types) = 4 and evt.type = bind", {"bind>", "bind"}),
    ("fd.types[0] in (file) and evt.type = bind", {"bind>", "bind"}),
    ("evt.time startswith 22:13:20.000032", {"open"}),
    ("evt.datetime.s = \"2023-11-14 22:13:20\" and evt.type = poll", {"poll"}),
    ("k8s.svc.name contains back", {"cart"}),
    ("container.duration > 1000000000000 and evt.type = close", {"probe"}),
    ("util.cnt > 3 and evt.type = poll", {"poll"}),
    ("proc.fdusage > 49 and evt.type = accept", {"server"}),
    ("evt.deltatime = 25000", {"open"}),
    ("evt.deltatime.ns = 25000", {"open"}),
    ("evt.deltatime.s = 0 and evt.type = poll", {"poll"}),
)

#: Values that no capture carries, or none that is described: always missing.
ABSENT = tuple(name for name in FIELDS if re.match(r"(evt\.plugin|mesos|marathon|span|evtin)", name))

#: Cases further down in this file.
ELSEWHERE = ("evt.outputtime", "fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def events(scene: Scene) -> dict[str, Any]:
    """All events of the capture by their words, those that are not shown too."""
    words = {number: word for word, number in scene.numbers.items()}
    reader = Reader(open_source(scene.content), needs=ALL_NEEDS)
    fields = FieldReader(compile_field)
    found = {}
    while reader.advance():
        for row in range(len(reader.batch)):
            event = event_at(reader.batch, row, fields)
            found[words.get(event.num, str(event.num))] = event
    return found


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("field", "word", "value"), VALUES, ids=[f"{field} {word}" for field, word, _ in VALUES])
def test_value(events: dict[str, Any], field: str, word: str, value: object) -> None:
    found = events[word][field]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("text", "words"), SELECTIONS, ids=[text for text, _ in SELECTIONS])
def test_selection(scene: Scene, text: str, words: set[str]) -> None:
    names = {number: word for word, number in scene.numbers.items()}
    chosen = {names[event.num] for event in scappy.open(scene.content).filter(text)}
    if text.startswith("evt.around"):
        chosen &= {"open", "openat", "open>"}
    assert chosen == words


@pytest.mark.parametrize("field", ABSENT)
def test_absent(events: dict[str, Any], field: str) -> None:
    rule = FIELDS[field].argument
    text = field if rule is None else field + (".x" if rule.dotted else "[0]")
    assert {event[text] for event in events.values()} == {None}


def test_every_field_has_a_case() -> None:
    written = [field for field, _, _ in VALUES] + [text for text, _ in SELECTIONS] + [*ABSENT, *ELSEWHERE]
    without = []
    for name, declared in FIELDS.items():
        if name.startswith("k8s.") and not declared.classic and not declared.modern and "k8s." + name.split(".")[1] != "k8s.pod":
            continue    # what is joined has its cases in tests/scappy/metadata
        pattern = re.compile(rf"(len\()?{re.escape(name)}(?![\w]|\.[a-z_]+\.)")
        if not any(pattern.match(text) for text in written):
            without.append(name)
    assert without == []


def test_output_time(scene: Scene) -> None:
    lines = rendered(scene.content, "%evt.num %evt.outputtime").splitlines()
    assert f"{scene.numbers['open']} 22:13:20.000032000" in lines


def test_count_counts(scene: Scene) -> None:
    assert rendered(scene.content, "%util.cnt").splitlines()[:3] == ["1", "2", "3"]


def test_container_age(scene: Scene, events: dict[str, Any]) -> None:
    assert events["probe"]["container.duration"] == events["probe"].ts - BOOT


def test_list_as_text(scene: Scene) -> None:
    assert "7 (file,pipe,ipv4,unix)" in rendered(scene.content, "%fd.num %fd.types")


def rendered(content: bytes, text: str) -> str:
    import io

    stream = io.BytesIO()
    sink = TextSink(stream, parse(text))
    reader = Reader(open_source(content), needs=sink.needs, state=sink.needs_state)
    while reader.advance():
        sink.write(reader.batch)
    sink.close()
    return stream.getvalue().decode()


@pytest.mark.parametrize(
    ("field", "address"),
    [("fd.cip.name", "198.51.100.4"), ("fd.sip.name", "10.0.0.5"), ("fd.lip.name", "10.0.0.5"), ("fd.rip.name", "198.51.100.4")],
)
def test_domain_names(scene: Scene, monkeypatch: pytest.MonkeyPatch, field: str, address: str) -> None:
    asked: list[str] = []

    def look_up(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(name)
        if name != "host.example":
            raise OSError(name)
        return [(2, 1, 6, "", (address, 0))]

    monkeypatch.setattr(domains, "_addresses", {})
    monkeypatch.setattr(domains, "_names", {})
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    number = scene.numbers["server"]
    capture = scappy.open(scene.content)
    assert {event[field] for event in capture} == {None}
    filtered = capture.filter(f"evt.type = accept and {field} = host.example")
    assert asked == []
    assert [(event.num, event[field]) for event in filtered] == [(number, "host.example")]
    assert asked == ["host.example"]
    assert [event.num for event in capture.filter(f"evt.type = accept and {field} != none.example")] == [number]
    assert not list(capture.filter(f"evt.type = accept and {field} in (none.example, host.none)"))


def test_paths_of_new_captures(newer_captures: list[Path], shared_directory: Path) -> None:
    """fs.path.name beside what the newest libraries say, on calls that open nothing."""
    compared = 0
    for path in newer_captures:
        golden = shared_directory / "golden-2026" / (path.name.split(".")[0] + ".tsv.gz")
        expected = {}
        for line in gzip.decompress(golden.read_bytes()).decode("utf-8", "replace").split("\n"):
            columns = line.split("\t")
            if len(columns) == 20 and columns[0].isdigit() and columns[15] != "<NA>" and not columns[2].startswith("open"):
                expected[int(columns[0])] = columns[15]
        for event in scappy.open(path, view="exit"):
            if event.num in expected:
                assert event["fs.path.name"] == expected[event.num], event
                compared += 1
    assert compared > 5
