"""The walkthrough on your own screen: ``python -m scappy.demo [FOLDER]`` (``make demo``).

Writes the capture of :mod:`scappy.samples` to ``FOLDER/capture.scap`` (``demo/`` by default), runs the commands of
the story on it with ``scapdig``, and shows of what they print the lines that tell something, each group with a
sentence on what it means. What is shown is always what the commands printed just now: a line that is missing
there ends the demo with an error.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from scapcore.errors import ScapError
from scappy.samples import write_walkthrough

__all__ = ["demonstrate", "main"]

#: Takes the arguments of scapdig and gives what it prints.
Run = Callable[[Sequence[str]], str]

NETWORK_FILTER = "fd.type in (ipv4, ipv6) and (k8s.ns.name=critical-app or proc.name=skydns)"
FILE_FILTER = "fd.type=file and fd.name=/etc/resolv.conf"
SOCKET_FILTER = "fd.type in (unix) and evt.buffer contains localdomain"

#: The clock of the story is one hour east of Greenwich.
STORY_ZONE = "CET-1"
WIDTH = 100
MOST_COLUMNS = 160

EVENT_LINE = re.compile(r"(\d+) (\d\d:\d\d:\d\d\.\d{6})\d{3} ")
CHISEL_HEADING = re.compile(r"(?:\x1b\[[0-9;]*m)*------ ")
TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]*m")


class Scene(NamedTuple):
    """A sentence and the events that show it; 0 stands for what is left out between two of them."""

    sentence: str
    events: tuple[int, ...]


SCENES = (
    Scene(
        "curl was asked for backend.critical-app.svc.cluster.local, opens a socket to the cluster's name server, and "
        "skydns receives the question. Look at the name in it: critical-app.svc.cluster.local stands there twice. "
        "Something has appended a search domain to a name that was complete.",
        (10030, 10031, 10032, 0, 10048, 10049),
    ),
    Scene(
        "skydns looks the doubled name up in etcd, and etcd answers that there is no such key.",
        (10097, 0, 10167),
    ),
    Scene(
        "The same again with the next two search domains, svc.cluster.local and cluster.local. Wasteful, but look at "
        "the clock: from the first question to here it took {10049-10524}. This is not the wait that we look for.",
        (10242, 0, 10345, 0, 10418, 0, 10524),
    ),
    Scene(
        "The last search domain is localdomain. skydns is not in charge of that one, so it does not ask etcd: it "
        "forwards the question to 8.8.8.8, and has nothing to read.",
        (10691, 0, 10703, 0, 10718),
    ),
    Scene(
        "Here is the wait. Nobody answers, and after {10718-58215} skydns gives the socket up and asks once more. "
        "Again silence: {58294-104208}. A name that cannot exist has cost {10718-104208}.",
        (10718, 0, 58215, 58216, 0, 58294, 0, 104208, 104209),
    ),
    Scene(
        "Then, at last, curl's resolver asks for the name as it was typed. etcd knows it, curl connects to the "
        "service, and nginx in one of the backend pods answers.",
        (104406, 0, 104457, 0, 107992, 0, 108005, 0, 108024),
    ),
)


def pieces(text: str, start: re.Pattern[str]) -> list[str]:
    """Cut a text before each line that begins with `start`."""
    return re.split(rf"(?m)^(?={start.pattern})", text)


class Transcript:
    """Event lines that scapdig printed, each with the payload lines below it, by event number."""

    def __init__(self, text: str) -> None:
        self._records: dict[int, str] = {}
        self._times: dict[int, datetime] = {}
        for record in pieces(text, EVENT_LINE):
            if head := EVENT_LINE.match(record):
                self._records[int(head[1])] = record
                self._times[int(head[1])] = datetime.strptime(head[2], "%H:%M:%S.%f")

    def record(self, number: int) -> str:
        """What was printed for an event.

        Raises
        ------
        ScapError
            Nothing was.
        """
        if number not in self._records:
            raise ScapError(f"event {number} is not among the {len(self._records)} events that scapdig printed")
        return self._records[number]

    def seconds(self, first: int, last: int) -> float:
        """Time between two printed events."""
        self.record(first), self.record(last)
        return (self._times[last] - self._times[first]).total_seconds()

    def fill_in(self, sentence: str) -> str:
        """Replace each ``{first-last}`` by the time between these events."""

        def duration(match: re.Match[str]) -> str:
            seconds = self.seconds(int(match[1]), int(match[2]))
            return f"{seconds:.1f} seconds" if seconds >= 1 else f"{seconds * 1000:.1f} milliseconds"

        return re.sub(r"\{(\d+)-(\d+)\}", duration, sentence)


class Screen:
    """Where the demo writes; colours only on a terminal."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def sentence(self, *paragraphs: str) -> None:
        lines = "\n\n".join(textwrap.fill(text, WIDTH) for text in paragraphs)
        print(f"\n\x1b[1m{lines}\x1b[0m\n" if self._colour else f"\n{lines}\n")

    def command(self, arguments: Sequence[str], program: str = "scapdig") -> None:
        text = " ".join(["$", program, *(quoted(argument) for argument in arguments)])
        print(f"\x1b[1;32m{text}\x1b[0m" if self._colour else text)

    def output(self, text: str) -> None:
        if not self._colour:
            text = TERMINAL_CODE.sub("", text)
        for line in text.rstrip().splitlines():
            print(f"    {line if len(line) <= MOST_COLUMNS else line[: MOST_COLUMNS - 6] + ' [...]'}".rstrip())

    def gap(self) -> None:
        print("    [...]")


def quoted(argument: str) -> str:
    return f'"{argument}"' if " " in argument and '"' not in argument else shlex.quote(argument)


def program_at_hand() -> str:
    """How to call scapdig from the present folder: by name, or by its place in the environment that runs this."""
    if shutil.which("scapdig"):
        return "scapdig"
    return os.path.relpath(os.path.join(sysconfig.get_path("scripts"), "scapdig"))


def run_scapdig(arguments: Sequence[str]) -> str:
    """Run scapdig in a process of its own, in the story's time zone.

    Raises
    ------
    ScapError
        It fails; with what it said.
    """
    command = [sys.executable, "-m", "scappy.cli.scapdig", *arguments]
    environment = os.environ | {"TZ": STORY_ZONE}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ScapError(f"scapdig ended with status {done.returncode}: {said}")
    return done.stdout.decode("utf-8", "replace")


def demonstrate(capture: str, run: Run, screen: Screen) -> None:
    """Tell the story on a capture.

    Parameters
    ----------
    capture : str
        Path of the capture that :func:`scappy.samples.write_walkthrough` wrote.
    run : callable
        Runs scapdig with the given arguments and returns its standard output.
    screen : Screen

    Raises
    ------
    ScapError
        A command fails, or does not print what the story is about.
    """
    arguments = ["-r", capture, "-pk", "-NA", NETWORK_FILTER]
    screen.sentence(
        "Part 1: where do eight seconds go? All network traffic of the namespace critical-app and of the cluster's "
        "name server, skydns, with the names of pods (-pk) and the text that went over the wire (-A):"
    )
    screen.command(arguments)
    transcript = Transcript(run(arguments))
    for scene in SCENES:
        screen.sentence(transcript.fill_in(scene.sentence))
        for number in scene.events:
            if number:
                screen.output(transcript.record(number))
            else:
                screen.gap()

    screen.sentence(
        "Part 2: why did curl append anything? The container may be long gone, but what it read is in the capture. "
        "The chisel echo_fds shows what went through a file, here /etc/resolv.conf as curl saw it:"
    )
    arguments = ["-pk", "-NA", "-r", capture, "-c", "echo_fds", FILE_FILTER]
    screen.command(arguments)
    found = [piece for piece in pieces(run(arguments), CHISEL_HEADING) if "(curl)" in piece and "ndots" in piece]
    if not found:
        raise ScapError("scapdig did not print the resolv.conf that curl read")
    screen.output(found[0])
    screen.sentence(
        "ndots:5 makes the resolver try every search domain first for a name with fewer than five dots, and "
        "localdomain is one of them.",
        "Part 3: who put localdomain there? Kubernetes tells Docker through a UNIX socket how to create a container. "
        "So: everything that went through UNIX sockets and contains the word localdomain:"
    )
    arguments = ["-pk", "-c", "echo_fds", "-NA", "-r", capture, SOCKET_FILTER]
    screen.command(arguments)
    for piece in pieces(run(arguments), CHISEL_HEADING):
        heading, _, body = piece.partition("\n")
        request = re.search(r"^POST .*", body, re.MULTILINE)
        search = re.search(r'"DnsSearch":\[[^\]]*\]', body)
        if request and search and "Write" in heading:
            break
    else:
        raise ScapError("scapdig did not print the request that has DnsSearch in it")
    screen.output(f"{heading}\n\n{request[0]}")
    screen.gap()
    screen.output(search[0])
    screen.gap()
    screen.sentence(
        "hyperkube, which is Kubernetes, wrote it: DnsSearch of the new container holds localdomain, taken over from "
        "the machine it runs on. That is the culprit."
    )
    print("The capture is yours to ask on, for instance:\n")
    more = ["-r", capture, "-p", "%evt.num %proc.name %fd.name", "evt.type=open and fd.name contains resolv"]
    screen.command(more, program_at_hand())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the capture and tell the story.

    Parameters
    ----------
    arguments : sequence of str, optional
        The folder for the capture, made if need be; the command line's by default.

    Returns
    -------
    int
        Exit status: 0, 1 if something went wrong, 2 if the arguments are no folder.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) > 1 or any(argument.startswith("-") for argument in given):
        print("usage: python -m scappy.demo [FOLDER]", file=sys.stderr)
        return 2
    capture = Path(given[0] if given else "demo") / "capture.scap"
    try:
        capture.parent.mkdir(parents=True, exist_ok=True)
        count = write_walkthrough(str(capture))
        print(f"Wrote {capture}: {count} events of a Kubernetes machine on which curl took eight seconds.", flush=True)
        demonstrate(str(capture), run_scapdig, Screen(sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    except (ScapError, OSError) as error:
        print(f"scappy.demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
