"""A capture made for the fields: a shell session, containers with a pod, and calls whose values are known."""

from __future__ import annotations

import io
import json

from scappy.records import (
    Container,
    File,
    Group,
    Interface,
    Machine,
    NamedDescriptor,
    ServerSocket,
    Socket,
    SocketAddress,
    SocketTuple,
    Thread,
    UnixSocket,
    User,
)
from scappy.writer import CaptureWriter

START = 1_700_000_000_000_000_000
BOOT = 1_699_999_000_000_000_000
SECOND = 1_000_000_000
WEB = "ab" * 32
POD = "cd" * 32
CLONE_FILES, CLONE_THREAD = 1, 1 << 13

CONTAINER = {
    "full_id": WEB,
    "imageid": "sha-web",
    "imagerepo": "registry/web",
    "imagetag": "1.2",
    "imagedigest": "sha256:beef",
    "privileged": True,
    "host_pid": True,
    "host_network": False,
    "host_ipc": True,
    "lookup_state": 1,
    "cni_json": '{"net":"one"}',
    "pod_sandbox_id": POD,
    "pod_sandbox_labels": {"app": "shop", "tier": ""},
    "Mounts": [
        {"Source": "/data", "Destination": "/var/data", "Mode": "rw", "RW": True, "Propagation": "rprivate"},
        {"Source": "/etc/web", "Destination": "/conf", "Mode": "", "RW": False, "Propagation": "rslave"},
    ],
    "Healthcheck": {"exe": "/bin/check", "args": ["-q", "now"]},
    "LivenessProbe": {"exe": "/bin/alive", "args": []},
    "ReadinessProbe": {"exe": "/bin/ready", "args": ["-q", "now"]},
}

CLUSTER = (
    {"kind": "Namespace", "type": "ADDED", "items": [{"name": "prod", "uid": "n-1", "labels": {"team": "red"}}]},
    {
        "kind": "Pod",
        "type": "ADDED",
        "items": [
            {
                "name": "cart-1",
                "uid": "p-1",
                "namespace": "prod",
                "labels": {"app": "cart", "zone": "b"},
                "containerStatuses": [{"containerID": "docker://" + "12" * 32}],
            }
        ],
    },
    *(
        {
            "kind": kind,
            "type": "ADDED",
            "items": [
                {"name": name, "uid": "u-" + name, "namespace": "prod", "labels": {"of": name}, "selector": {"app": "cart"}}
                for name in names
            ],
        }
        for kind, names in (
            ("ReplicationController", ["cart-rc"]),
            ("ReplicaSet", ["cart-rs"]),
            ("Service", ["front", "back"]),
            ("Deployment", ["cart-deployment"]),
        )
    ),
)


class Scene:
    """The capture, and the numbers of its events by a word for each."""

    def __init__(self) -> None:
        self.target = io.BytesIO()
        self.numbers: dict[str, int] = {}
        self.time = START
        with CaptureWriter(self.target) as writer:
            self.writer = writer
            self.records()
            self.events()

    @property
    def content(self) -> bytes:
        """The capture's bytes."""
        return self.target.getvalue()

    def records(self) -> None:
        writer = self.writer
        writer.machine(Machine(cpus=4, hostname="node1", boot_time=BOOT))
        writer.interface(Interface("eth0", "10.0.0.5", "255.255.255.0", "10.0.0.255"))
        for user in (User(0, 0, "root", "/root", "/bin/bash"), User(1000, 50, "ann", "/home/ann", "/bin/zsh")):
            writer.user(user)
        writer.group(Group(0, "root"))
        writer.group(Group(50, "staff"))
        writer.thread(Thread(1, "systemd", "/sbin/init", exepath="/lib/systemd/systemd", sid=1, vpgid=1))
        writer.thread(Thread(10, "sshd", "sshd:", ptid=1, exepath="/usr/sbin/sshd", args=("ann",), sid=10, vpgid=10))
        writer.thread(
            Thread(
                20, "bash", "-bash", ptid=10, exepath="/bin/bash", sid=20, vpgid=20, uid=1000, env=("TERM=xterm", "EDITOR= vi ")
            )
        )
        writer.thread(
            Thread(
                42, "cat", "/bin/cat", ptid=20, sid=20, vpgid=42, exepath="/usr/bin/cat", args=("-n", "notes.txt"),
                cwd="/home/ann", fd_limit=20, uid=1000, gid=50, memory_kb=(3000, 200, 10), page_faults=(2, 77),
                env=("LANG=C", "PAGER=less"),
                cgroups=("cpuset=/user", "memory=/slice"), loginuid=1000,
                fds=(
                    File(0, "/dev/tty1", device=5), NamedDescriptor(1, "pipe", "pipe:[7]"), File(2, "/tmp/errors"),
                    Socket(3, SocketTuple("10.0.0.5", 40000, "192.0.2.7", 443)), ServerSocket(4, "0.0.0.0", 22),
                    UnixSocket(5, "/dev/log"), File(6, "/home/ann/notes.txt", flags=1, inode=99, device=0x801),
                ),
            )
        )  # fmt: skip
        shared = CLONE_FILES | CLONE_THREAD
        writer.thread(Thread(43, "cat-2", "/bin/cat", pid=42, ptid=20, sid=20, flags=shared, uid=1000, gid=50))
        for tid, name, group in ((60, "web", WEB), (70, "cart", "12" * 32)):
            writer.thread(Thread(tid, name, name, ptid=1, vtid=1, vpid=1, cgroups=("cpu=/docker/" + group,)))

    def add(self, word: str, kind: str | int, direction: str, thread: int = 42, /, *, cpu: int = 0, **parameters: object) -> None:
        """Write an event 1,000 ns after the one before."""
        self.time += 1000
        count = parameters.pop("parameter_count", None)
        for name, value in parameters.items():
            if isinstance(value, tuple) and name in ("args", "env", "cgroups"):
                parameters[name] = b"".join(str(item).encode() + b"\0" for item in value)
        self.writer.event(kind, direction, self.time, thread, cpu, parameter_count=count, **parameters)  # type: ignore[arg-type]
        self.numbers[word] = self.writer.events

    def events(self) -> None:
        self.writer.container(Container(WEB[:12], "web-1", "web:1.2", 6, {"io.kubernetes.pod.name": "shop-7",
            "io.kubernetes.pod.namespace": "store", "io.kubernetes.pod.uid": "uid-7"}, "172.17.0.3", CONTAINER))  # fmt: skip
        self.writer.container(Container("12" * 6, "cart-1-main", "cart", 0))
        for index, message in enumerate(CLUSTER):
            self.add(f"cluster {index}", "K8S_E", ">", -1, json=json.dumps(message))
        self.add("open>", "open", ">", name="notes.txt", flags=1, mode=0)
        self.time += 24_000
        self.add("open", "open", "<", fd=7, name=".//notes.txt", flags=1 | 1 << 14 | 1 << 15, mode=0o644, dev=0x801, ino=99)
        self.add("openat", "openat", "<", fd=8, dirfd=-100, name="/tmp/run.sh", flags=2 | 4 | 1 << 16, mode=0o755, dev=0, ino=5)
        self.add("read>", "read", ">", fd=6, size=100)
        self.add("read", "read", "<", res=5, data=b"hello")
        self.add("write>", "write", ">", fd=5, size=20)
        self.add("write", "write", "<", res=14, data=b"<30>disk full\n")
        self.add("send>", "sendto", ">", fd=3, size=3, tuple=None)
        self.add("send", "sendto", "<", res=3, data=b"abc")
        self.add("failed>", "open", ">", name="/none", flags=1, mode=0)
        self.add("failed", "open", "<", fd=-2, name="/none", flags=1, mode=0, dev=0, ino=0)
        self.add("mmap failed>", "mmap", ">", addr=0, length=1, prot=0, flags=0, fd=-1, offset=0)
        self.add("mmap failed", "mmap", "<", res=2**64 - 12, vm_size=3000, vm_rss=200, vm_swap=10)
        self.add("wait>", "nanosleep", ">", interval=5)
        self.add("wait", "nanosleep", "<", res=0)
        self.add("server>", "SOCKET_ACCEPT_5_E", ">", parameter_count=0)
        self.add("server", "SOCKET_ACCEPT_5_X", "<", fd=9, tuple=SocketTuple("198.51.100.4", 5555, "10.0.0.5", 22),
            queuepct=0, queuelen=0, queuemax=5)  # fmt: skip
        self.add("bind>", "bind", ">", fd=4)
        self.add("bind", "bind", "<", res=0, addr=SocketAddress("0.0.0.0", 22))
        self.add("poll", "poll", ">", fds=[(3, 1), (4, 1), (6, 1)], timeout=5)
        self.add("mkdir", "SYSCALL_MKDIR_2_X", "<", res=0, path="sub/../new")
        self.add("rename", "SYSCALL_RENAME_X", "<", res=0, oldpath="old", newpath="/tmp/./new")
        self.add("mkdirat", "SYSCALL_MKDIRAT_X", "<", res=0, dirfd=-100, path="deep", mode=0)
        self.add("switch 1", "switch", ">", cpu=1, next=1, pgft_maj=2, pgft_min=80, vm_size=3000, vm_rss=200, vm_swap=10)
        self.add("switch 2", "switch", ">", cpu=1, next=1, pgft_maj=2, pgft_min=80, vm_size=3000, vm_rss=200, vm_swap=10)
        self.add("switch 3", "switch", ">", cpu=1, next=1, pgft_maj=2, pgft_min=80, vm_size=3000, vm_rss=200, vm_swap=10)
        self.add("report 1", "PROCINFO_E", ">", cpu_usr=10, cpu_sys=5)
        self.add("report 2", "PROCINFO_E", ">", cpu_usr=30, cpu_sys=12)
        self.add("infra", "INFRASTRUCTURE_EVENT_E", ">", 1, source="docker", name="docker", scope="",
            description="Event:start; ID:0123456789abcdef; name:web; Image:nginx:1.2@sha256:ff")  # fmt: skip
        self.add("async", "ASYNCEVENT_E", ">", -1, plugin_id=0, name="reload", data=b"")
        self.fork()
        self.add("thread", "close", ">", 43, fd=6)
        self.add("web", "close", ">", 60, fd=1)
        self.add("cart", "close", ">", 70, fd=1)
        self.add("probe", "close", ">", 81, fd=1)
        self.add("file write>", "write", ">", fd=6, size=4)
        self.add("file write", "write", "<", res=4, data=b"more")
        self.add("net read>", "recvfrom", ">", fd=3, size=9)
        self.add("net read", "recvfrom", "<", res=2, data=b"ok", tuple=None)
        self.add("refused>", "connect", ">", fd=3)
        self.add("refused", "connect", "<", res=-111, tuple=SocketTuple("10.0.0.5", 40000, "192.0.2.7", 443))
        self.add("no child>", "SYSCALL_SETPGID_E", ">", pid=1, pgid=1)
        self.add("no child", "SYSCALL_SETPGID_X", "<", res=-3)

    def fork(self) -> None:
        """A child of the shell that runs a program, and a health check of the container."""
        common: dict[str, object] = {
            "args": ("-c",), "cwd": "", "fdlimit": 20, "pgft_maj": 0, "pgft_min": 1, "vm_size": 9, "vm_rss": 8, "vm_swap": 7,
        }  # fmt: skip
        self.add("clone", "SYSCALL_CLONE_20_X", "<", 80, res=0, exe="-bash", tid=80, pid=80, ptid=20, comm="bash",
            cgroups=(), flags=0, uid=1000, gid=50, vtid=80, vpid=80, pidns_init_start_ts=500, **common)  # fmt: skip
        self.add("exec", "SYSCALL_EXECVE_19_X", "<", 80, res=0, exe="./tool", tid=80, pid=80, ptid=20, comm="tool", cgroups=(),
            env=("HOME=/home/ann",), tty=34816, loginuid=1000, flags=1 | 2 | 4 | 8, cap_inheritable=1, cap_permitted=1 << 21 | 1,
            cap_effective=1 << 13, exe_ino=777, exe_ino_ctime=BOOT + 1500, exe_ino_mtime=START - 5, uid=1000,
            trusted_exepath="/home/ann/tool", pgid=80, gid=50, **common)  # fmt: skip
        self.add("after exec", "close", ">", 80, fd=1)
        self.add("grandchild", "SYSCALL_CLONE_20_X", "<", 82, res=0, exe="./tool", tid=82, pid=82, ptid=80, comm="tool",
            cgroups=(), flags=0, uid=1000, gid=50, vtid=82, vpid=82, **common)  # fmt: skip
        for word, tid, arguments in (("check", 81, ("-q", "now")), ("alive", 83, ()), ("ready", 84, ("-q", "now"))):
            self.add(f"clone {word}", "SYSCALL_CLONE_20_X", "<", tid, res=0, exe=f"/bin/{word}", tid=tid, pid=tid, ptid=1,
                comm=word, cgroups=("cpu=/docker/" + WEB,), flags=1 << 29, uid=0, gid=0, vtid=tid, vpid=tid,
                **common | {"args": arguments})  # fmt: skip
