"""Points in time as people write them."""

from __future__ import annotations

import time

import pytest

from scappy.cli.options import UsageError
from scappy.cli.timerange import point_in_time, range_filter

FIRST = 1_481_211_699_536_689_965   # 2016-12-08 15:41:39 UTC


@pytest.fixture(autouse=True)
def one_hour_east(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", FIRST + 2_000_000_000),
        ("+2.5", FIRST + 2_500_000_000),
        ("300ms", FIRST + 300_000_000),
        ("1.5m", FIRST + 90_000_000_000),
        ("7ns", FIRST + 7),
        ("16:41:40", 1_481_211_700_000_000_000),
        ("16:41", 1_481_211_660_000_000_000),
        ("16:41:39.536703160", 1_481_211_699_536_703_160),
        ("2016-12-08 16:41:40", 1_481_211_700_000_000_000),
        ("2016-12-08T15:41:39.5Z", 1_481_211_699_500_000_000),
        ("2016-12-08 17:41:39.25+02:00", 1_481_211_699_250_000_000),
    ],
)
def test_points(text: str, expected: int) -> None:
    assert point_in_time(text, lambda: FIRST) == expected


@pytest.mark.parametrize("text", ["", "soon", "25:00", "16:61", "2016-13-01", "5 weeks", "-3"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError):
        point_in_time(text, lambda: FIRST)


def test_ranges() -> None:
    assert range_filter(None, None, lambda: FIRST) == ""
    assert range_filter("0", "1ns", lambda: 5) == "evt.rawtime >= 5 and evt.rawtime <= 6"
    assert range_filter(None, "1ns", lambda: 5) == "evt.rawtime <= 6"
