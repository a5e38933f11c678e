"""The processes of the walkthrough's machine, with threads and open files, as they are when the capture begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from scappy.records import (
    DescriptorRecord,
    Directory,
    File,
    NamedDescriptor,
    ServerSocket,
    Socket,
    SocketTuple,
    Thread,
    UnixSocket,
)
from scappy.samples.cluster import NODE, container_id, full_id

__all__ = ["PROGRAMS", "SKYDNS_TO_ETCD", "Program", "threads"]

SKYDNS_TO_ETCD = SocketTuple(NODE, 34108, NODE, 4001)

_CONTROL_GROUPS = ("cpuset", "cpu", "cpuacct", "io", "memory", "devices", "freezer", "net_cls", "perf_event", "hugetlb")
_ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C")


@dataclass(frozen=True)
class Program:
    """A process and its threads.

    Attributes
    ----------
    pid : int
    comm : str
    command : tuple of str
        With its first argument.
    container : str
        Id, empty for the host.
    vpid : int, optional
        Pid inside of the container, where that has pids of its own.
    others : tuple of (int, int)
        Tid and vtid of the threads besides the first.
    fds : tuple
        Open files.
    parent, uid : int
    memory_kb : tuple of int
    """

    pid: int
    comm: str
    command: tuple[str, ...]
    container: str = ""
    vpid: int | None = None
    others: tuple[tuple[int, int], ...] = ()
    fds: tuple[DescriptorRecord, ...] = ()
    parent: int = 1
    uid: int = 0
    memory_kb: tuple[int, int, int] = (20480, 6144, 0)

    @cached_property
    def tids(self) -> tuple[int, ...]:
        """All threads, the main thread first."""
        return (self.pid, *(tid for tid, _ in self.others))

    @cached_property
    def cgroups(self) -> tuple[str, ...]:
        """Control groups, from which readers tell the container."""
        path = f"/docker/{full_id(self.container)}" if self.container else "/"
        return tuple(f"{name}={path}" for name in _CONTROL_GROUPS)


def _own_threads(*tids: int) -> tuple[tuple[int, int], ...]:
    """Threads outside of any pid namespace."""
    return tuple((tid, tid) for tid in tids)


def _null(*fds: int) -> tuple[DescriptorRecord, ...]:
    return tuple(File(fd, "/dev/null", 3, inode=1029) for fd in fds)


def _pipes(inode: int, *fds: int) -> tuple[DescriptorRecord, ...]:
    return tuple(NamedDescriptor(fd, "pipe", f"pipe:[{inode + fd}]", inode + fd) for fd in fds)


def _epoll(fd: int) -> DescriptorRecord:
    return NamedDescriptor(fd, "eventpoll", inode=8483)


def _local(fd: int, source_port: int, port: int, address: str = "127.0.0.1", inode: int = 0) -> DescriptorRecord:
    """A connection to a service on the machine itself."""
    return Socket(fd, SocketTuple(address, source_port, address, port), inode=inode or 20000 + source_port)


def _served(fd: int, port: int, client_port: int, address: str = "127.0.0.1") -> DescriptorRecord:
    """The other end of :func:`_local`."""
    return Socket(fd, SocketTuple(address, port, address, client_port), inode=40000 + client_port)


def _nginx(master: int, worker: int, container: str) -> Iterator[Program]:
    command = ("nginx: master process nginx -g daemon off;",)
    listening = ServerSocket(6, "0.0.0.0", 80, inode=51200 + master)
    logs = _pipes(52000 + master, 1, 2)
    first = Program(master, "nginx", command, container, 1, fds=(*_null(0), *logs, listening), parent=master - 16)
    yield replace(first, memory_kb=(31824, 4912, 0))
    files = (*_null(0), *logs, listening, _epoll(8), NamedDescriptor(9, "event", inode=8483))
    command = ("nginx: worker process",)
    yield Program(worker, "nginx", command, container, 6, fds=files, parent=master, uid=104, memory_kb=(32212, 2928, 0))


def _kernel_threads() -> Iterator[Program]:
    for pid, name in (
        (3, "ksoftirqd/0"),
        (7, "rcu_sched"),
        (12, "ksoftirqd/1"),
        (1467, "kworker/0:2"),
        (1502, "kworker/1:1"),
    ):
        yield Program(pid, name, (name,), parent=2, memory_kb=(0, 0, 0))


def _host() -> Iterator[Program]:
    yield Program(1, "systemd", ("/sbin/init",), fds=_null(0, 1, 2), parent=0, memory_kb=(37968, 5896, 0))
    yield Program(
        987,
        "VBoxService",
        ("/usr/sbin/VBoxService",),
        others=_own_threads(991, 994),
        fds=(*_null(0, 1, 2), File(3, "/dev/vboxguest", 3)),
    )
    yield Program(
        875,
        "rsyslogd",
        ("/usr/sbin/rsyslogd", "-n"),
        others=_own_threads(889, 890),
        uid=104,
        fds=(*_null(0, 1, 2), UnixSocket(3, "/run/systemd/journal/syslog\n"), File(7, "/var/log/syslog", 10)),
    )
    yield Program(1201, "sshd", ("/usr/sbin/sshd", "-D"), fds=(*_null(0, 1, 2), ServerSocket(3, "0.0.0.0", 22)))
    terminal = SocketTuple(NODE, 22, "10.0.2.2", 51874)
    yield Program(
        3411,
        "sshd",
        ("sshd: vagrant@pts/1",),
        parent=1201,
        uid=1000,
        fds=(
            *_null(0, 1, 2),
            Socket(3, terminal),
            File(9, "/dev/ptmx", 3),
            File(11, "/dev/ptmx", 3),
            File(12, "/dev/ptmx", 3),
        ),
    )
    tty = tuple(File(fd, "/dev/pts/1", 3) for fd in (0, 1, 2))
    yield Program(3415, "bash", ("-bash",), parent=3411, uid=1000, fds=(*tty, File(255, "/dev/pts/1", 3)))
    command = (
        "kubectl",
        "run",
        "-it",
        "--image=tutum/curl",
        "client",
        "--namespace",
        "critical-app",
        "--restart=Never",
    )
    yield Program(
        17410,
        "kubectl",
        command,
        others=_own_threads(17411, 17412, 17413),
        parent=3415,
        uid=1000,
        fds=(*tty, _local(3, 53190, 8080), _epoll(4)),
        memory_kb=(52480, 28764, 0),
    )
    yield Program(
        1322,
        "dockerd",
        ("/usr/bin/dockerd", "-H", "fd://"),
        others=_own_threads(1330, 1331, 1335, 1336, 1368, 1411),
        fds=(
            *_null(0),
            UnixSocket(1, "", 0xFFFF88007A2C1800),
            UnixSocket(2, "", 0xFFFF88007A2C1800),
            UnixSocket(3, "/var/run/docker.sock\n", 0xFFFF880079B50800),
            _epoll(5),
            UnixSocket(19, "/var/run/docker.sock\n", 0xFFFF8800366D4C00, 0xFFFF8800366D5000),
            UnixSocket(20, "/var/run/docker.sock\n", 0xFFFF8800366D6400, 0xFFFF8800366D6800),
        ),
        memory_kb=(614560, 61204, 0),
    )
    yield Program(
        1338,
        "docker-containe",
        ("docker-containerd", "-l", "unix:///var/run/docker/libcontainerd/docker-containerd.sock"),
        others=_own_threads(1344, 1345, 1349),
        parent=1322,
        fds=(*_null(0, 1, 2), _epoll(5)),
        memory_kb=(310820, 11632, 0),
    )


def _services() -> Iterator[Program]:
    """What makes the machine a Kubernetes node and master; most of it shares the host's pids."""
    kubelet = (
        "/hyperkube",
        "kubelet",
        "--api-servers=http://localhost:8080",
        "--address=0.0.0.0",
        f"--cluster-dns={NODE}",
        "--cluster-domain=cluster.local",
        "--config=/etc/kubernetes/manifests",
        "--allow-privileged=true",
    )
    yield Program(
        2417,
        "hyperkube",
        kubelet,
        container_id("k8s-kubelet"),
        others=_own_threads(2429, 2430, 2434, 2435, 2461, 2502),
        fds=(
            *_null(0),
            *_pipes(30100, 1, 2),
            _epoll(4),
            _local(5, 51022, 8080),
            _local(6, 51030, 8080),
            NamedDescriptor(7, "inotify", inode=8483),
            ServerSocket(9, "::", 10250),
            UnixSocket(11, "", 0xFFFF8800366D5000, 0xFFFF8800366D4C00),
            UnixSocket(12, "", 0xFFFF8800366D6800, 0xFFFF8800366D6400),
            Directory(13, "/sys/fs/cgroup/memory", 1),
        ),
        memory_kb=(476228, 72160, 0),
    )
    yield Program(
        2103,
        "etcd",
        (
            "/usr/local/bin/etcd",
            "--listen-client-urls=http://0.0.0.0:4001",
            f"--advertise-client-urls=http://{NODE}:4001",
            "--data-dir=/var/etcd/data",
        ),
        container_id("k8s-etcd"),
        vpid=1,
        others=((2119, 5), (2120, 6), (2121, 7), (2122, 8)),
        fds=(
            *_null(0),
            *_pipes(30200, 1, 2),
            _epoll(4),
            File(5, "/var/etcd/data/member/wal/0000000000000000-0000000000000000.wal", 2),
            ServerSocket(7, "::", 4001),
            _served(9, 4001, 42918),
            Socket(10, SKYDNS_TO_ETCD.reversed()),
            _served(11, 4001, 42922),
        ),
        memory_kb=(152364, 42160, 0),
    )
    yield Program(
        3051,
        "hyperkube",
        (
            "/hyperkube",
            "apiserver",
            "--service-cluster-ip-range=10.3.0.0/24",
            "--insecure-bind-address=127.0.0.1",
            "--etcd-servers=http://127.0.0.1:4001",
        ),
        container_id("k8s_apiserver"),
        vpid=1,
        others=((3069, 7), (3070, 8), (3071, 9), (3075, 10), (3102, 14)),
        fds=(
            *_null(0),
            *_pipes(30300, 1, 2),
            _epoll(4),
            ServerSocket(6, "127.0.0.1", 8080),
            _local(7, 42918, 4001),
            _local(8, 42922, 4001),
            _served(9, 8080, 51022),
            _served(10, 8080, 51030),
            _served(12, 8080, 51110),
            _served(14, 8080, 51204),
            _served(15, 8080, 51310),
            _served(17, 8080, 53190),
        ),
        memory_kb=(178520, 120344, 0),
    )
    yield Program(
        3062,
        "hyperkube",
        ("/hyperkube", "controller-manager", "--master=127.0.0.1:8080"),
        container_id("k8s_controller"),
        vpid=1,
        others=((3081, 6), (3082, 7), (3083, 8)),
        fds=(*_null(0), *_pipes(30400, 1, 2), _epoll(4), _local(3, 51110, 8080)),
        memory_kb=(98300, 51212, 0),
    )
    yield Program(
        3078,
        "hyperkube",
        ("/hyperkube", "scheduler", "--master=127.0.0.1:8080"),
        container_id("k8s_scheduler"),
        vpid=1,
        others=((3095, 6), (3096, 7)),
        fds=(*_null(0), *_pipes(30500, 1, 2), _epoll(4), _local(3, 51204, 8080)),
        memory_kb=(61120, 30964, 0),
    )
    yield Program(
        2688,
        "hyperkube",
        ("/hyperkube", "proxy", "--master=http://127.0.0.1:8080"),
        container_id("k8s-proxy"),
        vpid=1,
        others=((2702, 6), (2703, 7)),
        fds=(*_null(0), *_pipes(30600, 1, 2), _epoll(4), _local(3, 51310, 8080)),
        memory_kb=(45820, 22416, 0),
    )
    yield Program(
        4580,
        "kube2sky",
        ("/kube2sky", "--kube-master-url=http://127.0.0.1:8080", "--domain=cluster.local"),
        container_id("k8s-kube2sky"),
        vpid=1,
        others=((4594, 5), (4595, 6)),
        fds=(*_null(0), *_pipes(30700, 1, 2), _epoll(4)),
        memory_kb=(18216, 12048, 0),
    )
    # The list of 2016 calls every socket of /proc/net/tcp6 and udp6 TCP; the story's lines show it (`<3t>`).
    yield Program(
        4617,
        "skydns",
        ("/skydns", f"-machines=http://{NODE}:4001", "-addr=0.0.0.0:53", "-ns-rotate=false", "-domain=cluster.local."),
        container_id("k8s-skydns"),
        vpid=1,
        others=((4635, 5), (4636, 6), (4638, 7), (4639, 8), (4640, 9), (4641, 10), (17280, 11)),
        fds=(
            *_null(0),
            *_pipes(30800, 1, 2),
            Socket(3, SKYDNS_TO_ETCD),
            _epoll(4),
            ServerSocket(5, "::", 53),
            ServerSocket(6, "::", 53),
        ),
        memory_kb=(114280, 14660, 0),
    )


def _pods() -> Iterator[Program]:
    yield from _nginx(7176, 7203, "730a6f492270")
    yield from _nginx(7190, 7211, container_id("k8s_nginx.28ee2ec4_backend-1440326531-4l0qz"))
    yield from _nginx(7196, 7214, container_id("k8s_nginx.28ee2ec4_backend-1440326531-tn8rk"))
    terminal = tuple(File(fd, "/dev/pts/0", 3) for fd in (0, 1, 2, 255))
    yield Program(
        17533, "bash", ("bash",), "b3a718d8b339", vpid=1, fds=terminal, parent=17517, memory_kb=(18164, 3212, 0)
    )


PROGRAMS = {program.pid: program for program in (*_kernel_threads(), *_host(), *_services(), *_pods())}

_CLONE_THREAD = 1 << 13 | 1  # with CLONE_FILES: the thread shares its process's descriptors


def threads() -> Iterator[Thread]:
    """The process list: an entry for each thread, the main thread of a process first."""
    for program in PROGRAMS.values():
        main = Thread(
            tid=program.pid,
            comm=program.comm,
            exe=program.command[0],
            ptid=program.parent,
            sid=program.vpid or program.pid,
            vpgid=program.vpid or program.pid,
            args=program.command[1:],
            fd_limit=65536,
            uid=program.uid,
            gid=program.uid,
            memory_kb=program.memory_kb,
            page_faults=(program.pid % 7, program.memory_kb[1] // 3),
            env=_ENVIRONMENT if program.memory_kb[0] else (),
            vtid=program.vpid,
            vpid=program.vpid,
            cgroups=program.cgroups,
            fds=program.fds,
        )
        yield main
        for tid, vtid in program.others:
            shared = replace(main, tid=tid, pid=program.pid, flags=_CLONE_THREAD, vtid=vtid, fds=())
            yield replace(shared, vpid=program.vpid or program.pid)
