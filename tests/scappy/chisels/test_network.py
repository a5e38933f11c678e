"""Name servers, connections and tracers."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import scappy
from scappy.chisels import ChiselContext, run_chisels
from scappy.chisels.tracers import Tracers
from scappy.records import Socket, SocketTuple, Thread
from scappy.writer import CaptureWriter

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def lines(path: Path | bytes, *words: str, json: bool = False) -> tuple[list[str], list[dict[str, object]]]:
    output = io.BytesIO()
    (found,) = run_chisels(scappy.open(path), [words], context=ChiselContext(output, json=json))
    return output.getvalue().decode().splitlines(), found


def test_search_domains_of_the_walkthrough(walkthrough: Path) -> None:
    pytest.importorskip("dns")
    printed, found = lines(walkthrough, "dns")
    served = [row for row in found if row["tid"] == 17280 and row["kind"] == "A"]
    assert [(row["outcome"], row["expands"]) for row in served[:5]] == [
        ("NXDOMAIN", ""),
        ("NXDOMAIN", "backend.critical-app.svc.cluster.local"),
        ("NXDOMAIN", "backend.critical-app.svc.cluster.local"),
        ("TIMEOUT", "backend.critical-app.svc.cluster.local"),
        ("NOERROR", "backend.critical-app.svc.cluster.local"),
    ]
    assert any(line.endswith("NOERROR 535us search=backend.critical-app.svc.cluster.local A 10.3.0.214") for line in printed)
    assert any(" TIMEOUT tries=2 search=backend.critical-app.svc.cluster.local" in line for line in printed)
    # Its questions went out in a call whose data the capture lacks.
    assert {row["tries"] for row in found if row["process"] == "curl"} == {0}


def dns_capture(*, cut: int | None = None) -> bytes:
    """A question over UDP that is sent twice and answered, and one that is not."""
    message = pytest.importorskip("dns.message")
    rrset = pytest.importorskip("dns.rrset")
    question = message.make_query("shop.example.", "A", id=7)
    answer = message.make_response(question)
    answer.answer.append(rrset.from_text("shop.example.", 60, "IN", "A", "10.1.2.3", "10.1.2.4"))
    lost = message.make_query("lost.example.", "AAAA", id=8)
    target = io.BytesIO()
    ends = SocketTuple("10.0.0.9", 40000, "10.0.0.53", 53)
    with CaptureWriter(target) as writer:
        writer.thread(Thread(1, "init", "/sbin/init"))
        writer.thread(Thread(50, "ask", "/bin/ask", ptid=1, fds=(Socket(3, ends, protocol="udp"),)))

        def call(time: int, name: str, data: bytes) -> None:
            writer.event(name, ">", START + time * MILLISECOND, 50, fd=3, size=len(data))
            writer.event(name, "<", START + time * MILLISECOND + 10, 50, res=len(data), data=data)

        call(0, "write", question.to_wire())
        call(1000, "write", question.to_wire())
        call(1500, "read", answer.to_wire()[:cut])
        call(2000, "write", lost.to_wire())
        call(2001, "write", b"\0" * 40)
        call(9000, "write", b"too short")
    return target.getvalue()


def test_question_and_answer() -> None:
    printed, found = lines(dns_capture(), "dns")
    # The order of records is up to the server.
    printed[0] = printed[0].replace("A 10.1.2.4, A 10.1.2.3", "A 10.1.2.3, A 10.1.2.4")
    assert printed == [
        "1700000000.000000010 ask(50) > 10.0.0.53:53 A shop.example. NOERROR 1.50s tries=2 A 10.1.2.3, A 10.1.2.4",
        "1700000002.000000010 ask(50) > 10.0.0.53:53 AAAA lost.example. TIMEOUT",
    ]
    assert found[0]["end"] == START + 1500 * MILLISECOND + 10


@pytest.mark.parametrize("name", ["dns", "conns"])
def test_rows_as_json(name: str) -> None:
    printed, found = lines(dns_capture(), name, json=True)
    assert found
    assert [json.loads(line) for line in printed] == json.loads(json.dumps(found))


def test_answers_that_are_cut() -> None:
    printed, found = lines(dns_capture(cut=50), "dns")
    assert found[0]["truncated"]
    assert printed[0].endswith(", …")


def test_other_timeouts() -> None:
    _, found = lines(dns_capture(), "dns", "60")
    assert [row["outcome"] for row in found] == ["NOERROR", "UNANSWERED"]


def test_connections() -> None:
    target = io.BytesIO()
    ends = SocketTuple("10.0.0.9", 40000, "10.0.0.5", 80)
    with CaptureWriter(target) as writer:
        writer.thread(Thread(50, "curl", "/bin/curl", fds=(Socket(3, ends, protocol="tcp"),)))

        def call(time: int, name: str, data: bytes) -> None:
            writer.event(name, ">", START + time, 50, fd=3, size=len(data))
            writer.event(name, "<", START + time + 10, 50, res=len(data), data=data)

        call(0, "write", b"question")
        call(SECOND, "read", b"a long answer")
        writer.event("close", ">", START + 2 * SECOND, 50, fd=3)
        writer.event("close", "<", START + 2 * SECOND + 10, 50, res=0)
    printed, found = lines(target.getvalue(), "conns")
    (row,) = found
    assert (row["protocol"], row["name"]) == ("tcp", "10.0.0.9:40000->10.0.0.5:80")
    assert (row["sent"], row["received"], row["duration"]) == (8, 13, 2 * SECOND)
    assert printed[1] == "tcp   8B         13B        2.00s     10.0.0.9:40000->10.0.0.5:80 curl(50) -"


def test_ends_that_were_open_before_and_silent() -> None:
    target = io.BytesIO()
    ends = SocketTuple("10.0.0.9", 40000, "10.0.0.5", 80)
    with CaptureWriter(target) as writer:
        writer.thread(Thread(50, "curl", "/bin/curl", fds=(Socket(3, ends),)))
        writer.thread(Thread(60, "nginx", "/bin/nginx", fds=(Socket(9, ends), Socket(8, SocketTuple("::1", 5, "::1", 6)))))
        writer.thread(Thread(70, "other", "/bin/other", fds=(Socket(9, SocketTuple("10.0.0.9", 40001, "10.0.0.5", 80)),)))
        writer.event("write", ">", START, 50, fd=3, size=2)
        writer.event("write", "<", START + 10, 50, res=2, data=b"hi")
    printed, (row,) = lines(target.getvalue(), "conns")
    assert (row["client"]["process"], row["server"]["process"], row["server"]["pid"]) == ("curl", "nginx", 60)
    assert printed[1].endswith("curl(50) nginx(60)")


def test_pods_of_connections(walkthrough: Path) -> None:
    _, found = lines(walkthrough, "conns")
    curl = [row for row in found if row["client"]["process"] == "curl"]
    assert {row["client"]["pod"] or row["client"]["container"] for row in curl} == {"client"}
    _, most = lines(walkthrough, "conns", "3")
    sums = [row["sent"] + row["received"] for row in most]
    assert len(sums) == 3
    assert sums == sorted(sums, reverse=True)


class Mark:
    """An event of a tracer."""

    def __init__(self, direction: str, time: int, identity: int, tags: list[str], args: dict[str, str]) -> None:
        self.values = {"evt.dir": direction, "proc.name": "app"}
        self.ts, self.tid = START + time, 60
        self.params = {"id": identity, "tags": tags, "args": args}

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def get(self, name: str, default: str) -> str:
        return self.values.get(name, default)


@pytest.mark.parametrize(("tag", "count"), [("", 3), ("db", 1)])
def test_tracers(tag: str, count: int) -> None:
    chisel = Tracers()
    chisel.tag = tag
    output = io.BytesIO()
    chisel.context = ChiselContext(output)
    chisel.on_capture_start()
    for mark in (
        Mark(">", 0, 5, ["api", "login"], {"user": "ann"}),
        Mark(">", 100, 5, ["api", "login", "db"], {}),
        Mark("<", 2_000_100, 5, ["api", "login", "db"], {"rows": "3"}),
        Mark("<", 12_000_000, 5, ["api", "login"], {}),
        Mark(">", 13_000_000, 6, ["other"], {}),
    ):
        chisel.on_event(mark)  # type: ignore[arg-type]
    chisel.on_capture_end()
    expected = [
        "1700000000.000000100 app(60) id=5 api.login.db 2.00ms rows=3",
        "1700000000.000000000 app(60) id=5 api.login 12ms user=ann",
        "1700000000.013000000 app(60) id=6 other open",
    ]
    assert output.getvalue().decode().splitlines() == expected[:count]
    assert len(chisel.found) == count
    as_json = io.BytesIO()
    again = Tracers()
    again.context = ChiselContext(as_json, json=True)
    again.on_capture_start()
    again.tell(Mark(">", 0, 5, ["api"], {"user": "ann"}), START + SECOND)  # type: ignore[arg-type]
    assert [json.loads(line) for line in as_json.getvalue().splitlines()] == again.found
