"""The demo tells the story from what scapdig prints, and only then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from scapcore.errors import ScapError
from scappy import demo

TOLD = (
    "critical-app.svc.cluster.local stands there twice",
    "from the first question to here it took 3.6 milliseconds",
    "A name that cannot exist has cost 8.0 seconds",
    '"message":"Key not found","cause":"/skydns/local/cluster/svc/critical-app/local","index":1259}',
    "    search critical-app.svc.cluster.local svc.cluster.local cluster.local localdomain",
    '    "DnsSearch":["critical-app.svc.cluster.local","svc.cluster.local","cluster.local","localdomain"]',
)


def test_the_demo_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert demo.main([str(folder)]) == 0
    text, errors = capsys.readouterr()
    assert errors == ""
    # Sentences are wrapped.
    flat = " ".join(text.split())
    assert [line for line in TOLD if " ".join(line.split()) not in flat] == []
    assert "\x1b" not in text
    assert (folder / "capture.scap").stat().st_size > 1_000_000


def test_scapdig_and_the_reference_tell_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], reference: Callable[..., CompletedProcess[bytes]]
) -> None:
    capture = str(tmp_path / "capture.scap")
    demo.write_walkthrough(capture)

    def run_reference(arguments: Sequence[str]) -> str:
        # The reference has no -N: it always prints numbers.
        done = reference(*(argument.replace("-NA", "-A") for argument in arguments), zone=demo.STORY_ZONE)
        return done.stdout.decode("utf-8", "replace")

    screen = demo.Screen(colour=True)
    demo.demonstrate(capture, demo.run_scapdig, screen)
    ours = capsys.readouterr().out
    demo.demonstrate(capture, run_reference, screen)
    assert ours == capsys.readouterr().out


@pytest.mark.parametrize("said", ["", "10030 16:41:39.536689965 0 client (b3a718d8b339) curl (22370:13) < socket\n"])
def test_what_is_not_printed_is_not_told(said: str) -> None:
    with pytest.raises(ScapError, match="is not among the [01] events"):
        demo.demonstrate("capture.scap", lambda arguments: said, demo.Screen(colour=False))


def test_times_between_events_are_taken_from_the_lines() -> None:
    transcript = demo.Transcript("1 00:00:01.000000000 a\npayload\n7 00:00:01.002500000 b\n30 00:00:04.000000000 c\n")
    assert transcript.record(1) == "1 00:00:01.000000000 a\npayload\n"
    assert transcript.fill_in("{1-7}, then {1-30}") == "2.5 milliseconds, then 3.0 seconds"


def test_wrong_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["one", "two"]) == 2
    assert "usage:" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert demo.main([str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("scappy.demo: ")
