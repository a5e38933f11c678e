"""The story, scene by scene: who does what, and when where the story says so.

Moments are written as the story prints them (event number, seconds after 16:41).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from scappy.records import SocketTuple, UnixTuple
from scappy.samples import calls, dns, http
from scappy.samples.calls import EAGAIN, EINPROGRESS, ENOENT, Call
from scappy.samples.cluster import BACKEND_POD, BACKEND_SERVICE, CLIENT_POD, NODE
from scappy.samples.processes import PROGRAMS
from scappy.samples.script import Script, Task

__all__ = ["RESOLV_CONF", "STORY_THREADS", "tell"]

BASH = Task(17533, 0)
CURL = Task(22369, 1)
RESOLVER = Task(22370, 0)
DNS_SERVER = Task(17280, 1)
DNS_READER = Task(4617, 1)
DNS_FIRST = Task(4639, 1)
DNS_SECOND = Task(4640, 1)
ETCD = Task(2119, 0)
NGINX = Task(7203, 0)
KUBELET = Task(2461, 1)
DOCKER = Task(1411, 0)

#: Threads that act only in scenes; background must leave them alone.
STORY_THREADS = frozenset(
    task.tid
    for task in (BASH, CURL, RESOLVER, DNS_SERVER, DNS_READER, DNS_FIRST, DNS_SECOND, ETCD, NGINX, KUBELET, DOCKER)
)

RESOLV_CONF = b"""search critical-app.svc.cluster.local svc.cluster.local cluster.local localdomain
nameserver 10.0.2.15
options ndots:5
"""
_HOSTS = b"""# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
172.17.0.7\tclient
"""
_NSSWITCH = b"""# /etc/nsswitch.conf
#
# Example configuration of GNU Name Service Switch functionality.

passwd:         compat
group:          compat
shadow:         compat

hosts:          files dns
networks:       files

protocols:      db files
services:       db files
ethers:         db files
rpc:            db files

netgroup:       nis
"""
_HOST_CONF = b"""# The "order" line is only used by old versions of the C library.
order hosts,bind
multi on
"""
_ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0>\0\x01\0\0\0" + bytes(808)

_CURL_MEMORY = (99192, 5644, 0)
_CLONE_FORK = 1 << 29 | 1 << 24 | 1 << 23  # in a pid namespace; CHILD_SETTID, CHILD_CLEARTID
_CLONE_THREAD = 1 << 29 | 41990659  # what pthread_create asks for
_FIONREAD = 0x541B
_READ_WRITE = (3, 34)  # mmap: PROT_READ|PROT_WRITE
_STACK = 0x7F3A8C000000
_FUTEX = 0x9B4F58

_NON_BLOCKING = calls.SOCK_DGRAM | calls.SOCK_NONBLOCK
_GO_SOCKET = _NON_BLOCKING | calls.SOCK_CLOEXEC
_UPSTREAM = "8.8.8.8"


def tell(script: Script) -> None:
    """Put the whole story into `script`."""
    start_curl(script)
    read_configuration(script)
    for lookup in SEARCHED_IN_CLUSTER:
        ask(script, lookup)
        ask_etcd(script, lookup)
        receive_answers(script, lookup, dns.CODE_NAME_ERROR)
    ask(script, SEARCHED_OUTSIDE)
    ask_upstream(script)
    wait_for_upstream(script)
    ask_again(script)
    give_up(script)
    ask(script, VERBATIM)
    ask_etcd(script, VERBATIM)
    receive_answers(script, VERBATIM, dns.CODE_NO_ERROR, soon="47.552988624")
    finish_resolver(script)
    fetch_page(script)
    create_container(script)


# curl starts


def _library(name: str, address: int) -> list[Call]:
    """The dynamic linker maps a shared library."""
    return [
        calls.open_file(name, 3, calls.READ_ONLY | calls.CLOSE_ON_EXEC),
        calls.read(3, 832, _ELF),
        calls.fstat(3),
        calls.mmap(address, 2168600, 5, 1026, 3, _CURL_MEMORY),
        calls.generic("mprotect", 10),
        calls.mmap(address + 0x20A000, 8192, 3, 1030, 3, _CURL_MEMORY),
        calls.close(3),
    ]


def _small_file(path: str, content: bytes) -> list[Call]:
    """The C library reads a file of its own to the end."""
    return [
        calls.open_file(path, 3, calls.READ_ONLY | calls.CLOSE_ON_EXEC),
        calls.fstat(3),
        calls.read(3, 4096, content),
        calls.read(3, 4096),
        calls.close(3),
    ]


@dataclass(frozen=True)
class _Identity:
    """What clone's exit event says of a thread, with its ids on the host and in its pid namespace."""

    tid: int
    vtid: int
    pid: int
    vpid: int
    parent: int
    comm: str
    arguments: bytes = b""
    memory_kb: tuple[int, int, int] = _CURL_MEMORY

    def values(self, flags: int) -> tuple[object, ...]:
        """The event's parameters after its result."""
        ids, virtual = (self.tid, self.pid, self.parent), (self.vtid, self.vpid)
        counters = (0, 0, *self.memory_kb)
        return self.comm, self.arguments, *ids, "/", 65536, *counters, self.comm, _CGROUPS, flags, 0, 0, *virtual


_CGROUPS = "".join(f"{group}\0" for group in PROGRAMS[BASH.tid].cgroups).encode()
_CURL_ARGUMENTS = http.BACKEND_NAME.encode() + b"\0"
_SHELL = _Identity(17533, 1, 17533, 1, PROGRAMS[BASH.tid].parent, "bash", memory_kb=PROGRAMS[BASH.tid].memory_kb)
_FORKED = replace(_SHELL, tid=22369, vtid=12, pid=22369, vpid=12, parent=17533)
_STARTED = replace(_FORKED, comm="curl", arguments=_CURL_ARGUMENTS, memory_kb=_CURL_MEMORY)
_THREAD = replace(_STARTED, tid=22370, vtid=13)


def _clone(script: Script, parent: Task, before: _Identity, child: Task, after: _Identity, flags: int) -> None:
    """clone() seen from both sides; the parent is told the child's number in the pid namespace."""
    script.one(parent, calls.half(222))
    script.one(parent, calls.half(223, after.vtid, *before.values(flags)))
    script.one(child, calls.half(223, 0, *after.values(flags)))


def start_curl(script: Script) -> None:
    """The user presses Enter; the shell in the client container starts curl."""
    script.pause(until="39.524310774")
    script.leave(BASH, calls.read(0, 1, b"\r"))
    script.run(BASH, calls.write(2, b"\r\n"), calls.generic("rt_sigprocmask", 14))
    _clone(script, BASH, _SHELL, CURL, _FORKED, _CLONE_FORK)
    script.enter(BASH, calls.generic("wait4", 61))
    script.pause(until="39.525180221")
    environment = b"HOSTNAME=client\0TERM=xterm\0KUBERNETES_SERVICE_HOST=10.3.0.1\0HOME=/root\0SHLVL=1\0"
    identity = (CURL.tid, CURL.tid, BASH.tid, "/", 65536, 0, 62, 352, 4, 0)
    script.one(CURL, calls.half(230))
    script.one(CURL, calls.half(231, 0, "curl", _CURL_ARGUMENTS, *identity, "curl", _CGROUPS, environment))
    script.run(CURL, calls.brk(0x1C3E000, _CURL_MEMORY), calls.access("/etc/ld.so.nohwcap", ENOENT))
    script.run(CURL, calls.access("/etc/ld.so.preload", ENOENT))
    script.run(CURL, calls.open_file("/etc/ld.so.cache", 3, calls.READ_ONLY | calls.CLOSE_ON_EXEC))
    script.run(CURL, calls.fstat(3), calls.mmap(_STACK - 0x20000, 25013, 1, 2, 3, _CURL_MEMORY), calls.close(3))
    libraries = (
        "libcurl.so.4 libz.so.1 libpthread.so.0 libc.so.6 libidn.so.11 librtmp.so.0 libssl.so.1.0.0 libgssapi_krb5.so.2"
    )
    for index, name in enumerate(libraries.split()):
        script.pause(until=f"39.52{6 + index // 2}{(index % 2) * 5 + 1}4417{index}")
        folder = "/usr/lib" if name in ("libcurl.so.4", "librtmp.so.0") else "/lib"
        script.run(CURL, *_library(f"{folder}/x86_64-linux-gnu/{name}", _STACK - 0x1000000 * (index + 1)))
    script.pause(until="39.531770145")
    script.run(CURL, *_small_file("/etc/ssl/openssl.cnf", b"#\n# OpenSSL example configuration file.\n"))
    script.run(CURL, calls.mmap(_STACK, 8392704, *_READ_WRITE, -1, _CURL_MEMORY), calls.generic("mprotect", 10))
    _clone(script, CURL, _STARTED, RESOLVER, _THREAD, _CLONE_THREAD)
    script.enter(CURL, calls.poll((), 1))


def read_configuration(script: Script) -> None:
    """The C library reads how names are to be resolved: here is the ``localdomain``."""
    script.run(RESOLVER, calls.generic("set_robust_list", 273))
    nscd = UnixTuple(0, 0xFFFF880079CF4000, "/var/run/nscd/socket")
    for _ in range(2):
        script.run(RESOLVER, calls.socket(3, calls.AF_UNIX, 0o2004001), calls.connect(3, nscd, ENOENT), calls.close(3))
    script.run(RESOLVER, *_small_file("/etc/nsswitch.conf", _NSSWITCH), *_small_file("/etc/host.conf", _HOST_CONF))
    script.leave(CURL, calls.poll((), 1))
    script.enter(CURL, calls.poll((), 2))
    script.pause(until="39.534110853")
    script.run(RESOLVER, calls.futex(0x7F3A8B7C9A64, calls.FUTEX_WAKE, 2147483647))
    script.run(RESOLVER, *_small_file("/etc/resolv.conf", RESOLV_CONF), calls.generic("uname", 63))
    script.run(RESOLVER, *_library("/lib/x86_64-linux-gnu/libnss_files.so.2", _STACK - 0x20000000))
    script.leave(CURL, calls.poll((), 2))
    script.enter(CURL, calls.poll((), 4))
    script.pause(until="39.535480390")
    script.run(RESOLVER, *_small_file("/etc/hosts", _HOSTS))
    script.run(RESOLVER, *_library("/lib/x86_64-linux-gnu/libnss_dns.so.2", _STACK - 0x21000000))
    script.run(RESOLVER, *_library("/lib/x86_64-linux-gnu/libresolv.so.2", _STACK - 0x22000000))


# Names are asked for


@dataclass(frozen=True)
class Lookup:
    """One name that curl's resolver asks for.

    Attributes
    ----------
    suffix : str
        Search domain that is appended, with its dot.
    port : int
        Where the queries come from.
    identifiers : tuple of bytes
        Of the queries for A and for AAAA.
    missing : str
        The first part of the key that etcd does not have; empty if it has the whole.
    date : str
        When etcd answers.
    marks : dict
        Moments of the story by what happens: ``socket``, ``connect``, ``first`` and ``second`` (datagrams), ``third``
        (the server tries for one more), ``request`` and ``answer`` of etcd; ``>`` and ``<`` as ever.
    server_cpu : int
        Where the thread runs that receives the queries.
    cpu : int
        Where the thread runs that asks etcd.
    wakes : int
        After which datagram it wakes another thread.
    """

    suffix: str
    port: int
    identifiers: tuple[bytes, bytes]
    missing: str = ""
    date: str = "15:41:39"
    marks: dict[str, str] = field(default_factory=dict)
    server_cpu: int = 1
    cpu: int = 1
    wakes: int = 2

    @property
    def name(self) -> str:
        return http.BACKEND_NAME + self.suffix

    @property
    def queries(self) -> tuple[bytes, bytes]:
        first, second = self.identifiers
        return dns.query(first, self.name, dns.A), dns.query(second, self.name, dns.AAAA)

    @property
    def client_ends(self) -> SocketTuple:
        return SocketTuple(CLIENT_POD, self.port, NODE, 53)

    @property
    def server_ends(self) -> SocketTuple:
        """As the server's IPv6 socket sees it."""
        return SocketTuple(f"::ffff:{CLIENT_POD}", self.port, "::", 53)


SEARCHED_IN_CLUSTER = (
    Lookup(
        ".critical-app.svc.cluster.local",
        46162,
        (b"\xb2\x91", b"\x8c\xe3"),
        "/skydns/local/cluster/svc/critical-app/local",
        marks={
            "socket <": "10030 39.536689965",
            "connect >": "10031 39.536694724",
            "connect <": "10032 39.536703160",
            "first >": "10048 39.536831645",
            "first <": "10049 39.536834352",
            "second >": "10050 39.536837173",
            "request >": "10096 39.538247116",
            "request <": "10097 39.538275108",
            "answer >": "10166 39.538636659",
            "answer <": "10167 39.538638040",
        },
        wakes=3,
    ),
    Lookup(
        ".svc.cluster.local",
        35547,
        (b"\xf4\x81", b"0]"),
        "/skydns/local/cluster/svc/local",
        marks={
            "connect <": "10218 39.538914765",
            "first <": "10242 39.539005618",
            "second >": "10247 39.539018226",
            "second <": "10248 39.539019925",
            "third >": "10249 39.539022522",
            "request >": "10273 39.539210393",
            "request <": "10274 39.539239613",
            "answer >": "10343 39.539465153",
            "answer <": "10345 39.539467440",
        },
        wakes=1,
    ),
    Lookup(
        ".cluster.local",
        40788,
        (b"\x9d\xd0", b"\xc7\x1b"),
        "/skydns/local/cluster/local",
        marks={
            "connect <": "10396 39.539686075",
            "first <": "10418 39.539755453",
            "second >": "10433 39.539800679",
            "second <": "10434 39.539802549",
            "third >": "10437 39.539805177",
            "request >": "10478 39.540166087",
            "request <": "10479 39.540183401",
            "answer >": "10523 39.540421040",
            "answer <": "10524 39.540422241",
        },
        server_cpu=0,
    ),
)
SEARCHED_OUTSIDE = Lookup(".localdomain", 47441, (b"\xa1\x86", b"N\xe9"))
VERBATIM = Lookup(
    "",
    39870,
    (b"\xd5\x03", b"\x82\xb6"),
    date="15:41:47",
    cpu=0,
    marks={"request <": "104406 47.552626262", "answer <": "104457 47.552919333"},
)

_READY = ((3, calls.POLLIN),)
_SERVER_WAITS = calls.epoll_wait(128, 1)


def ask(script: Script, lookup: Lookup) -> None:
    """The resolver sends its two queries, and the server receives them."""
    marks = lookup.marks.get
    first, second = lookup.queries
    writable = ((3, calls.POLLOUT),)
    opened = calls.socket(3, calls.AF_INET, _NON_BLOCKING)
    script.pause()
    script.run(RESOLVER, opened, enter=None, leave=marks("socket <"))
    connected = calls.connect(3, lookup.client_ends)
    script.run(RESOLVER, connected, enter=marks("connect >"), leave=marks("connect <"))
    script.run(RESOLVER, calls.poll(writable, 0, writable), calls.sendmmsg())
    script.enter(RESOLVER, calls.poll(_READY, 5000))
    wake = calls.futex(_FUTEX, calls.FUTEX_WAKE, 1, 1)
    server = DNS_SERVER._replace(cpu=lookup.server_cpu)
    script.leave(server, _SERVER_WAITS)
    arrivals = (
        ("first", calls.recvmsg(6, first, lookup.server_ends)),
        ("second", calls.recvmsg(6, second, lookup.server_ends)),
        ("third", calls.recvmsg(6, result=EAGAIN)),
    )
    for count, (which, received) in enumerate(arrivals, 1):
        script.run(server, received, enter=marks(f"{which} >"), leave=marks(f"{which} <"))
        if count == lookup.wakes:
            script.run(server, wake)
    script.enter(server, _SERVER_WAITS)


def ask_etcd(script: Script, lookup: Lookup) -> None:
    """SkyDNS looks the name up in etcd, once for both queries."""
    marks = lookup.marks.get
    asking = DNS_FIRST._replace(cpu=lookup.cpu)
    request = http.etcd_request(lookup.name)
    answer = http.etcd_not_found(lookup.missing, lookup.date) if lookup.missing else http.etcd_found(lookup.name, lookup.date)
    script.leave(asking, calls.futex(_FUTEX, calls.FUTEX_WAIT, 0))
    script.run(asking, calls.write(3, request), enter=marks("request >"), leave=marks("request <"))
    script.enter(asking, calls.futex(_FUTEX, calls.FUTEX_WAIT, 0))
    script.leave(ETCD, _SERVER_WAITS)
    script.run(ETCD, calls.read(10, 4096, request), calls.read(10, 4096, result=EAGAIN))
    script.run(ETCD, calls.futex(0x10B0E78, calls.FUTEX_WAKE, 1, 1))
    script.pause()
    script.run(ETCD, calls.write(10, answer))
    script.enter(ETCD, _SERVER_WAITS)
    script.leave(DNS_READER, _SERVER_WAITS)
    received = calls.read(3, 4096, answer)
    script.run(DNS_READER, received, enter=marks("answer >"), leave=marks("answer <"))
    script.run(DNS_READER, calls.read(3, 4096, result=EAGAIN))


def receive_answers(
    script: Script, lookup: Lookup, code: int, server: Task = DNS_READER, soon: str | None = None
) -> None:
    """The server answers both queries, and the resolver reads the answers, at the second `soon` if that is given."""
    address = None if code else BACKEND_SERVICE
    answers = [dns.answer(query, code, address if index == 0 else None) for index, query in enumerate(lookup.queries)]
    for message in answers:
        script.run(server, calls.sendmsg(6, message, lookup.server_ends.reversed()))
    if server == DNS_READER:
        script.enter(server, _SERVER_WAITS)
    if soon is not None:
        script.pause(until=soon)
    script.leave(RESOLVER, calls.poll(_READY, 5000, _READY))
    for index, message in enumerate(answers):
        script.run(RESOLVER, calls.ioctl(3, _FIONREAD, 0x7F3A8AFFD5A4))
        script.run(RESOLVER, calls.recvfrom(3, 2048, message, lookup.client_ends.reversed()))
        if index == 0:
            script.run(RESOLVER, calls.poll(_READY, 4999, _READY))
    script.run(RESOLVER, calls.close(3))


# The upstream server does not answer


def _forward(fd: int, port: int, message: bytes) -> tuple[list[Call], Call, Call, Call]:
    """SkyDNS passes a query on: preparation, connect, write, and a read that finds nothing."""
    ends = SocketTuple(NODE, port, _UPSTREAM, 53)
    prepared = [calls.socket(fd, calls.AF_INET, _GO_SOCKET), calls.setsockopt()]
    return prepared, calls.connect(fd, ends), calls.write(fd, message), calls.read(fd, 512, result=EAGAIN)


_AFTER_CONNECT = (calls.epoll_ctl(), calls.getsockname(), calls.getpeername())
_PARK = calls.futex(_FUTEX + 0x40, calls.FUTEX_WAIT, 0)


def ask_upstream(script: Script) -> None:
    """``.localdomain`` is not SkyDNS's own domain: it asks 8.8.8.8, with a socket for each query."""
    first, second = SEARCHED_OUTSIDE.queries
    prepared, connected, written, nothing = _forward(7, 54272, first)
    script.leave(DNS_SECOND, _PARK)
    script.run(DNS_SECOND, *prepared, connected, *_AFTER_CONNECT, written, nothing)
    script.enter(DNS_SECOND, _PARK)
    prepared, connected, written, nothing = _forward(8, 44249, second)
    script.leave(DNS_FIRST, calls.futex(_FUTEX, calls.FUTEX_WAIT, 0))
    script.run(DNS_FIRST, *prepared)
    script.run(DNS_FIRST, connected, enter="10690 39.541376928", leave="10691 39.541381577")
    script.run(DNS_FIRST, *_AFTER_CONNECT)
    script.run(DNS_FIRST, written, enter="10702 39.541415384", leave="10703 39.541531434")
    script.run(DNS_FIRST, nothing, enter="10717 39.541629507", leave="10718 39.541632726")
    script.enter(DNS_FIRST, calls.futex(_FUTEX, calls.FUTEX_WAIT, 0))


def _curl_polls(script: Script, seconds: list[str]) -> None:
    """curl's main thread looks once a second whether the name has been resolved."""
    for second in seconds:
        script.pause(until=second)
        script.leave(CURL, calls.poll((), 1000))
        script.enter(CURL, calls.poll((), 1000))


def wait_for_upstream(script: Script) -> None:
    """Four seconds of silence; SkyDNS tries once more."""
    _curl_polls(script, ["40.081140722", "41.082244610", "42.083402115", "43.084511947"])
    first, second = SEARCHED_OUTSIDE.queries
    prepared, connected, written, nothing = _forward(7, 42126, first)
    script.pause(until="43.541243117")
    script.leave(DNS_SECOND, _PARK)
    script.run(DNS_SECOND, calls.close(7), enter="58215 43.541261462", leave="58216 43.541263355")
    script.run(DNS_SECOND, *prepared, connected, *_AFTER_CONNECT, written, nothing)
    script.pause()
    prepared, connected, written, nothing = _forward(8, 56371, second)
    script.run(DNS_SECOND, calls.close(8), *prepared, connected, *_AFTER_CONNECT)
    script.run(DNS_SECOND, written, leave="58292 43.542822050")
    script.run(DNS_SECOND, nothing, enter="58293 43.542829001", leave="58294 43.542831896")
    script.enter(DNS_SECOND, _PARK)


def ask_again(script: Script) -> None:
    """After five seconds curl's resolver sends both queries again, and SkyDNS passes them on as well."""
    first, second = SEARCHED_OUTSIDE.queries
    server = DNS_SERVER._replace(cpu=0)
    _curl_polls(script, ["44.085620331"])
    script.pause(until="44.543301882")
    script.leave(RESOLVER, calls.poll(_READY, 5000))
    script.run(RESOLVER, calls.sendmmsg())
    script.enter(RESOLVER, calls.poll(_READY, 5000))
    script.leave(server, _SERVER_WAITS)
    ends = SEARCHED_OUTSIDE.server_ends
    script.run(server, calls.recvmsg(6, first, ends), leave="75904 44.543459524")
    script.run(server, calls.futex(_FUTEX, calls.FUTEX_WAKE, 1, 1))
    script.pause()
    script.run(server, calls.recvmsg(6, second, ends), leave="75923 44.543560717")
    script.run(server, calls.recvmsg(6, result=EAGAIN), enter="75927 44.543569823")
    script.enter(server, _SERVER_WAITS)
    script.pause(until="44.543641208")
    script.leave(DNS_FIRST, calls.futex(_FUTEX, calls.FUTEX_WAIT, 0))
    for fd, port, message in ((9, 33518, first), (10, 60112, second)):
        prepared, connected, written, nothing = _forward(fd, port, message)
        script.run(DNS_FIRST, *prepared, connected, *_AFTER_CONNECT, written, nothing)
    script.enter(DNS_FIRST, calls.futex(_FUTEX, calls.FUTEX_WAIT, 0))


def give_up(script: Script) -> None:
    """Four more seconds of silence; SkyDNS answers that it failed."""
    _curl_polls(script, ["45.086731225", "46.086840563", "47.086951804"])
    script.pause(until="47.551441938")
    script.leave(DNS_SECOND, _PARK)
    script.run(DNS_SECOND, calls.close(7), enter="104208 47.551459027", leave="104209 47.551460674")
    script.run(DNS_SECOND, calls.close(8))
    receive_answers(script, SEARCHED_OUTSIDE, dns.CODE_SERVER_FAILURE, DNS_SECOND)
    script.enter(DNS_SECOND, _PARK)


# The page arrives


def finish_resolver(script: Script) -> None:
    """The name is resolved; the thread that did it ends."""
    script.run(RESOLVER, calls.munmap(_STACK - 0x20000, 25013, _CURL_MEMORY), calls.generic("madvise", 28))
    script.one(RESOLVER, calls.generic("exit", 60).enter)
    script.one(RESOLVER, calls.exit_status())


def fetch_page(script: Script) -> None:
    """curl connects to the service's address, iptables makes it a pod's, and nginx sends the page."""
    outside = SocketTuple(CLIENT_POD, 36404, BACKEND_SERVICE, 80)
    inside = SocketTuple(CLIENT_POD, 36404, BACKEND_POD, 80)
    readable, writable = ((3, calls.POLLIN),), ((3, calls.POLLOUT),)
    page = http.NGINX_HEADER + http.WELCOME_PAGE
    script.pause(until="48.087260416")
    script.leave(CURL, calls.poll((), 1000))
    script.run(CURL, calls.socket(3, calls.AF_INET, calls.SOCK_STREAM, 6), calls.fcntl(3, 4, 2), calls.fcntl(3, 5))
    script.run(CURL, calls.connect(3, outside, EINPROGRESS), leave="107992 48.087346702")
    script.enter(CURL, calls.poll(writable, 300000, writable))
    script.leave(NGINX, calls.epoll_wait(512, 1))
    script.leave(CURL, calls.poll(writable, 300000, writable))
    script.run(CURL, calls.getsockopt(), calls.getsockname())
    script.enter(CURL, calls.sendto(3, http.CURL_REQUEST), at="108002 48.087377769")
    script.run(NGINX, calls.accept(3, inside), leave="108005 48.087401339")
    script.leave(CURL, calls.sendto(3, http.CURL_REQUEST), at="108006 48.087406626")
    script.enter(CURL, calls.poll(readable, 1000, readable))
    index = "/usr/share/nginx/html/index.html"
    script.run(NGINX, calls.epoll_ctl(), calls.epoll_wait(512, 1), calls.recvfrom(3, 1024, http.CURL_REQUEST))
    script.run(
        NGINX, calls.stat(index), calls.open_file(index, 10, calls.READ_ONLY), calls.fstat(10), calls.setsockopt()
    )
    script.run(NGINX, calls.writev(3, http.NGINX_HEADER), leave="108024 48.087541774")
    script.run(NGINX, calls.sendfile(3, 10, len(http.WELCOME_PAGE)), calls.write(1, http.ACCESS_LOG), calls.close(10))
    script.run(NGINX, calls.setsockopt(), calls.recvfrom(3, 1024, result=EAGAIN))
    script.enter(NGINX, calls.epoll_wait(512, 1))
    script.pause(until="48.087611305")
    script.leave(CURL, calls.poll(readable, 1000, readable))
    script.run(CURL, calls.recvfrom(3, 16384, page), calls.fstat(1))
    script.run(
        CURL, calls.mmap(_STACK - 0x30000, 4096, *_READ_WRITE, -1, _CURL_MEMORY), calls.write(1, http.WELCOME_PAGE)
    )
    script.run(CURL, calls.close(3))
    script.one(CURL, calls.generic("exit_group", 231).enter)
    script.one(CURL, calls.exit_status())
    script.leave(NGINX, calls.epoll_wait(512, 1))
    script.run(NGINX, calls.recvfrom(3, 1024), calls.close(3))
    script.enter(NGINX, calls.epoll_wait(512, 1))
    script.pause(until="48.088730559")
    script.leave(BASH, calls.generic("wait4", 61))
    script.run(BASH, calls.generic("rt_sigprocmask", 14), calls.write(2, b"root@client:/# "))
    script.enter(BASH, calls.read(0, 1))


def create_container(script: Script) -> None:
    """Another client is started: the kubelet tells Docker what to put into its ``resolv.conf``."""
    script.pause(until="48.221407155")
    script.leave(KUBELET, calls.futex(0x3A1B6C0, calls.FUTEX_WAIT, 0))
    script.run(KUBELET, calls.write(11, http.CONTAINER_REQUEST))
    script.enter(KUBELET, calls.epoll_wait(128, 1))
    script.pause(until="48.221452870")
    script.leave(DOCKER, calls.epoll_wait(128, 1))
    script.run(DOCKER, calls.read(19, 4096, http.CONTAINER_REQUEST), calls.read(19, 4096, result=EAGAIN))
    script.run(DOCKER, calls.futex(0x1A2E870, calls.FUTEX_WAKE, 1, 1))
    script.pause(until="48.262718490")
    script.run(DOCKER, calls.write(19, http.CONTAINER_CREATED))
    script.enter(DOCKER, calls.epoll_wait(128, 1))
    script.pause(until="48.262774031")
    script.leave(KUBELET, calls.epoll_wait(128, 1))
    script.run(KUBELET, calls.read(11, 4096, http.CONTAINER_CREATED), calls.read(11, 4096, result=EAGAIN))
    script.enter(KUBELET, calls.futex(0x3A1B6C0, calls.FUTEX_WAIT, 0))
