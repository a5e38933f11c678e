"""The story of the walkthrough, played with real programs in network namespaces of its own.

A client in one namespace asks for ``backend.critical-app.svc.cluster.local`` with the resolver settings that Kubernetes
gives: four search domains and ``ndots:5``. In the other there are: *skydns*, a name server that looks names of the cluster up
in etcd and hands others on; dnsmasq, to which it hands them; the name server to which dnsmasq forwards ``localdomain``, which
swallows all that it is asked; etcd; and nginx, the backend. No address outside of the two namespaces is used.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("ip", "dnsmasq", "nginx", "etcd", "curl", "unshare", "mount")
SERVER, CLIENT, FORWARDER, SWALLOWER = "10.96.7.53", "10.96.7.2", "10.96.7.54", "10.96.7.8"
BACKEND = "10.96.7.80"
NAME = "backend.critical-app.svc.cluster.local"
ETCD = f"http://{SERVER}:4001"
GREETING = "Hello from the backend"
#: What Kubernetes writes there, but for the time-out, which is 5 seconds by default and would make the test long.
RESOLVER = f"""search critical-app.svc.cluster.local svc.cluster.local cluster.local localdomain
nameserver {SERVER}
options ndots:5 timeout:2 attempts:2
"""

SKYDNS = r'''
import http.client, json, select, socket, struct, sys
open("/proc/self/comm", "w").write("skydns")
own, etcd, forwarder = sys.argv[1:]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((own, 53))
onward = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
onward.connect((forwarder, 53))
host, _, port = etcd.removeprefix("http://").partition(":")
asking = {}

def answer(query, code, address=None):
    head = query[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, 1 if address else 0, 0, 0)
    question = query[12 : query.index(b"\0", 12) + 5]
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 5, 4) + socket.inet_aton(address) if address else b""
    return head + question + record

def look_up(name, kind, query):
    path = "/v2/keys/skydns/" + "/".join(reversed(name.split(".")))
    store = http.client.HTTPConnection(host, int(port), timeout=5)
    store.request("GET", path + "?quorum=false&recursive=true&sorted=false")
    reply = store.getresponse()
    content = json.loads(reply.read())
    store.close()
    if reply.status != 200 or content["node"].get("dir"):
        return answer(query, 3)
    return answer(query, 0, json.loads(content["node"]["value"])["host"] if kind == 1 else None)

while True:
    for ready in select.select([server, onward], [], [])[0]:
        if ready is onward:
            reply = onward.recv(4096)
            if reply[:2] in asking:
                server.sendto(reply, asking.pop(reply[:2]))
            continue
        query, client = server.recvfrom(4096)
        labels, place = [], 12
        while query[place]:
            labels.append(query[place + 1 : place + 1 + query[place]].decode())
            place += 1 + query[place]
        name, kind = ".".join(labels), struct.unpack_from(">H", query, place + 1)[0]
        if name.endswith(".cluster.local"):
            server.sendto(look_up(name, kind, query), client)
        else:
            asking[query[:2]] = client
            onward.send(query)
'''

SWALLOW = r"""
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
while True:
    server.recvfrom(4096)
"""

NGINX = """
daemon off;
worker_processes 1;
error_log {folder}/nginx.log;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen {address}:80; location / {{ return 200 "{greeting}\\n"; }} }}
}}
"""


def missing() -> str | None:
    """Why the story cannot be played here; None if it can."""
    if os.geteuid():
        return "only root can make network namespaces"
    absent = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    name = f"scappy-{os.getpid()}-try"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return "network namespaces cannot be made here"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def run(*words: str, timeout: float = 60) -> str:
    """Run a command to its end; what it printed."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, env={**os.environ, "PATH": PATH})
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr or done.stdout}")
    return done.stdout


class PlayedCluster:
    """The two namespaces, with everything running in them.

    Parameters
    ----------
    folder : Path
        For whatever the programs write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = f"scappy-{os.getpid()}-server"
        self.client = f"scappy-{os.getpid()}-client"
        self.running: list[subprocess.Popen[bytes]] = []

    def within(self, namespace: str, *words: str) -> list[str]:
        """A command line that runs in a namespace."""
        return ["ip", "netns", "exec", namespace, *words]

    def begin(self, namespace: str, *words: str) -> None:
        """Start a program that goes on running."""
        with open(self.folder / f"{Path(words[0]).name}.out", "ab") as out:
            self.running.append(
                subprocess.Popen(
                    self.within(namespace, *words), stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                    env={**os.environ, "PATH": PATH}, cwd=self.folder,
                )
            )  # fmt: skip

    def raise_curtain(self) -> None:
        """Make the namespaces and start the programs."""
        for namespace in (self.server, self.client):
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "-n", self.client, "link", "add", "veth0", "type", "veth", "peer", "name", "veth1", "netns", self.server)
        run("ip", "-n", self.client, "address", "add", f"{CLIENT}/24", "dev", "veth0")
        for address in (SERVER, FORWARDER, SWALLOWER, BACKEND):
            run("ip", "-n", self.server, "address", "add", f"{address}/24", "dev", "veth1")
        run("ip", "-n", self.server, "link", "set", "veth1", "up")
        run("ip", "-n", self.client, "link", "set", "veth0", "up")
        self.begin(
            self.server, "etcd", "--enable-v2", "--data-dir", str(self.folder / "etcd"), "--listen-client-urls", ETCD,
            "--advertise-client-urls", ETCD, "--listen-peer-urls", "http://127.0.0.1:2380", "--logger", "zap",
        )  # fmt: skip
        configuration = self.folder / "nginx.conf"
        configuration.write_text(NGINX.format(folder=self.folder, address=BACKEND, greeting=GREETING))
        self.begin(self.server, "nginx", "-p", str(self.folder), "-c", str(configuration))
        self.begin(self.server, sys.executable, "-c", SWALLOW, SWALLOWER)
        self.begin(
            self.server, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            f"--server=/localdomain/{SWALLOWER}", f"--listen-address={FORWARDER}", "--bind-interfaces", "--user=root",
            f"--pid-file={self.folder}/dnsmasq.pid", "--cache-size=0",
        )  # fmt: skip
        self.begin(self.server, sys.executable, "-c", SKYDNS, SERVER, ETCD, FORWARDER)
        (self.folder / "resolv.conf").write_text(RESOLVER)
        key = "/v2/keys/skydns/local/cluster/svc/critical-app/backend"
        self.insist(*self.within(self.server, "curl", "-sf", "-X", "PUT", ETCD + key, "-d", f'value={{"host":"{BACKEND}"}}'))
        self.insist(*self.within(self.client, "curl", "-sf", f"http://{BACKEND}/"))

    def insist(self, *words: str) -> None:
        """Try until it works."""
        deadline = time.monotonic() + 60
        while True:
            try:
                run(*words)
                return
            except RuntimeError:
                ended = [one.args for one in self.running if one.poll() is not None]
                if ended or time.monotonic() > deadline:
                    said = "".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.out"))
                    raise RuntimeError(f"{words} does not work; ended: {ended}\n{said}") from None
            time.sleep(0.2)

    def curl(self, groups: list[Path]) -> tuple[str, float]:
        """What the client of the story does: its output, and how long it takes.

        Parameters
        ----------
        groups : list of Path
            Control groups that it is put into first.
        """
        # Within a namespace of `ip` there is another /sys.
        enter = "".join(f"echo $$ > {group}/cgroup.procs && " for group in groups)
        mount = f"mount --bind {self.folder}/resolv.conf /etc/resolv.conf"
        inner = f"unshare --mount sh -c '{mount} && exec curl -s http://{NAME}/'"
        begun = time.monotonic()
        out = run("sh", "-c", f"{enter}exec ip netns exec {self.client} {inner}")
        return out, time.monotonic() - begun

    def drop_curtain(self) -> None:
        """End everything that was started here."""
        for one in reversed(self.running):
            one.terminate()
        for one in self.running:
            try:
                one.wait(10)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
        for namespace in (self.client, self.server):
            with contextlib.suppress(RuntimeError):
                run("ip", "netns", "delete", namespace)


@contextlib.contextmanager
def played_cluster(folder: Path) -> Iterator[PlayedCluster]:
    """The story's world, for as long as the block runs."""
    cluster = PlayedCluster(folder)
    try:
        cluster.raise_curtain()
        yield cluster
    finally:
        cluster.drop_curtain()


@contextlib.contextmanager
def control_groups(name: str) -> Iterator[list[Path]]:
    """Control groups with the name of a container, where they can be made; none elsewhere."""
    root = Path("/sys/fs/cgroup")
    places = [root / kind for kind in ("cpu", "cpuset", "memory")] if (root / "cpu").is_dir() else [root]
    made: list[Path] = []
    for place in places:
        group = place / name
        # In a cpuset of its own nobody may run before it is told where.
        with contextlib.suppress(OSError):
            group.mkdir()
            made.append(group)
            for file in ("cpuset.cpus", "cpuset.mems"):
                if (group / file).exists() and place.name == "cpuset":
                    (group / file).write_text((place / file).read_text())
    try:
        yield made
    finally:
        for group in made:
            for _ in range(50):
                try:
                    group.rmdir()
                    break
                except OSError:
                    time.sleep(0.1)
