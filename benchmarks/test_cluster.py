"""What joining a large cluster costs: once for its objects, and nothing for an event. ``make bench``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import scappy
from scappy.metadata import Directory, read_objects

sys.path.insert(0, str(Path(__file__).parent))
from joining import BY_CONTAINER, BY_DEPLOYMENT, chosen, write_capture  # noqa: E402
from make_cluster import large_cluster  # noqa: E402

EVENTS = 500_000
ROUNDS = 5


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The walkthrough without labels, repeated to `EVENTS` events."""
    path = tmp_path_factory.mktemp("captures") / "bare.scap"
    write_capture(path, EVENTS)
    return path


@pytest.fixture(scope="session")
def cluster() -> bytes:
    return json.dumps(large_cluster(), indent=4).encode()


def test_reading_the_objects(benchmark: BenchmarkFixture, cluster: bytes) -> None:
    known = benchmark.pedantic(lambda: Directory(read_objects(cluster)), rounds=ROUNDS)
    assert len(known.objects) > 15_000


@pytest.mark.parametrize("joined", [False, True], ids=["container", "deployment"])
def test_events(benchmark: BenchmarkFixture, capture: Path, cluster: bytes, joined: bool) -> None:
    opened = scappy.open(capture)
    known = opened.join_kubernetes(cluster)
    wanted = chosen(opened, BY_CONTAINER)
    view, text = (known, BY_DEPLOYMENT) if joined else (opened, BY_CONTAINER)
    assert benchmark.pedantic(lambda: chosen(view, text), rounds=ROUNDS, warmup_rounds=1) == wanted > 100
