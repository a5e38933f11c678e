"""What users do at their shells."""

from __future__ import annotations

import re

from scapcore.event import Event
from scappy.chisels.base import DISABLE_COLOR, Argument, Chisel
from scappy.chisels.units import pad

__all__ = ["ListLoginShells", "ShellshockDetect", "SpyUsers"]

#: How far up the ancestors are looked at.
MOST_ANCESTORS = 16


class SpyUsers(Chisel):
    """Commands that users start from shells, and directories that they go to."""

    name = "spy_users"
    description = "Show what users do interactively: commands and visited directories."
    category = "Security"
    arguments = (Argument("max_depth", "how deep in the tree of processes to look", int, optional=True), DISABLE_COLOR)
    fields = (
        "evt.type",
        "proc.exe",
        "proc.args",
        "evt.arg.path",
        "user.name",
        "evt.time.s",
        "proc.pid",
        "proc.ppid",
        "container.name",
        *(f"proc.aname[{level}]" for level in range(MOST_ANCESTORS + 1)),
        *(f"proc.apid[{level}]" for level in range(MOST_ANCESTORS + 1)),
    )
    filter = (
        "((evt.type=execve and evt.dir=<) or "
        "(evt.type=chdir and evt.dir=< and proc.name contains sh and not proc.name contains sshd)) and evt.failed=false"
    )

    max_depth = -1
    disable_color = ""

    def on_capture_start(self) -> None:
        """Begin with no process."""
        # Depth and shell by process; None for those without a shell above them.
        self.tree: dict[int, tuple[int, int] | None] = {}
        # Each visit of a directory moves the ancestors that are looked at by one, for good: the original's way.
        self.moved = 0

    def on_event(self, event: Event) -> None:
        """Print the command or the directory."""
        process, parent = event["proc.pid"], event["proc.ppid"]
        visit = event["evt.type"] == "chdir"
        if visit:
            parent = process
            self.moved += 1
        if parent not in self.tree:
            self.tree[parent] = self.find_shell(event)
        above = self.tree[parent]
        if above is None:
            return
        place = self.tree.get(process)
        if place is None:
            place = self.tree[process] = above[0] + 1, above[1]
        depth = place[0] - (0 if visit else 1)
        if self.max_depth != -1 and depth > self.max_depth:
            return
        container = event.get("container.name", "nil")
        color, where = "", ""
        if self.context.containers:
            color = self.color("green" if container == "host" else "blue")
            where = f"@{container}"
        step = 4 if visit or self.context.containers else 3
        what = f"cd {event['evt.arg.path']}" if visit else f"{event['proc.exe']} {event['proc.args']}"
        user = event.get("user.name", "<NA>")
        self.print(f"{color}{pad('', step * depth)}{place[1]} {event['evt.time.s']} {user}{where}) {what}")

    def find_shell(self, event: Event) -> tuple[int, int] | None:
        """Depth and id of the topmost shell among the ancestors."""
        found = None
        for level in range(1 - self.moved, MOST_ANCESTORS + 1 - self.moved):
            if level < 0:
                break
            name = event[f"proc.aname[{level}]"]
            identity = event[f"proc.apid[{level}]"]
            if name is None:
                if identity is None:
                    break
            elif name.endswith("sh") and identity is not None:
                found = (level + self.moved - 1 if self.tree.get(identity) else 0), identity
        return found

    def on_capture_end(self) -> None:
        """Turn colours off."""
        self.print(self.color("reset"))


class ListLoginShells(Chisel):
    """Ids of login shells."""

    name = "list_login_shells"
    description = "List the ids of the login shells."
    category = "Security"
    arguments = (
        Argument("command", "only shells that ran a command with this in its name; * for any", optional=True),
        Argument("words", "only shells that ran a command with this in its arguments", optional=True),
    )
    fields = ("proc.loginshellid", "evt.arg.exe", "evt.arg.args", "container.name", "container.id")
    filter = "evt.type=execve"
    printing = True

    command = "*"
    words = ""

    def on_capture_start(self) -> None:
        """Begin with none."""
        self.last: list[object] = []
        self.shells: dict[int, dict[str, object]] = {}

    def on_event(self, event: Event) -> None:
        """Note the shell above a command."""
        shell, program = event["proc.loginshellid"], event["evt.arg.exe"]
        if shell is None or program is None:
            return
        if self.command != "*" and self.command not in program:
            return
        arguments = event["evt.arg.args"]
        if self.words and arguments is not None and self.words not in arguments:
            return
        container, identity = event["container.name"], event["container.id"]
        self.last = [shell, container, identity]
        self.shells[shell] = {"shell": shell, "container.name": container, "container.id": identity}

    def on_capture_end(self) -> None:
        """Print the shell that was met last, once for each thing known of it, as the original does."""
        self.print(f"Shells containing {self.command}:" if self.command != "*" else "All shells:")
        for item in self.last:
            if item is not None:
                shell, container, identity = self.last
                self.print(f"{shell} {container} {identity}" if self.context.containers else str(shell))

    def result(self) -> object:
        """List of dict: every shell with the container of its last command."""
        return list(self.shells.values())


class ShellshockDetect(Chisel):
    """Attempts to run code through the environment of bash (CVE-2014-6271)."""

    name = "shellshock_detect"
    description = "Report attempts to use the shellshock vulnerability of bash."
    category = "Security"
    fields = ("proc.pname", "proc.ppid", "evt.time")
    filter = "proc.name in (bash, sh) and evt.type=execve and evt.dir=<"

    FUNCTION = re.compile(r"\(\) ?\{.+", re.DOTALL)

    def on_init(self) -> None:
        """Print the headings."""
        self.found: list[dict[str, object]] = []
        self.print(pad("TIME", 22) + pad("PROCNAME", 22) + pad("PID", 8) + "FUNCTION")

    def on_event(self, event: Event) -> None:
        """Look at the environment."""
        environment = event.params.get("env", b"")
        if not isinstance(environment, bytes):
            return
        for variable in environment.split(b"\0"):
            found = self.FUNCTION.search(variable.decode("utf-8", "surrogateescape"))
            if found:
                name, parent, time = event.get("proc.pname", "nil"), event["proc.ppid"], event["evt.time"]
                self.print(pad(time, 22) + pad(name, 22) + pad(str(parent), 8) + found[0])
                self.found.append({"time": event.ts, "proc.pname": name, "proc.ppid": parent, "function": found[0]})
                return

    def result(self) -> object:
        """List of dict: each attempt."""
        return self.found
