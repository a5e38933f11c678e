"""What joining a large cluster costs: once for its objects, and nothing for an event. ``make bench``."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import scappy
from scappy.metadata import Directory, read_objects
from scappy.samples import write_walkthrough

sys.path.insert(0, str(Path(__file__).parent))
import make_capture  # noqa: E402
from make_cluster import large_cluster  # noqa: E402

EVENTS = 500_000
ROUNDS = 5
#: Filters that choose the same events by what the capture holds and by what is joined.
BY_CONTAINER = "container.name startswith k8s_nginx or container.name startswith k8s_POD.b2390301"
BY_DEPLOYMENT = "k8s.deployment.name=backend"


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The walkthrough without labels, repeated to `EVENTS` events."""
    folder = tmp_path_factory.mktemp("captures")
    target, output = io.BytesIO(), io.BytesIO()
    write_walkthrough(target, labels=False)
    make_capture.replicate(make_capture.cut(target.getvalue()), EVENTS, output)
    (folder / "bare.scap").write_bytes(output.getvalue())
    return folder / "bare.scap"


@pytest.fixture(scope="session")
def cluster() -> bytes:
    return json.dumps(large_cluster(), indent=4).encode()


def chosen(capture: scappy.Capture, text: str) -> int:
    return sum(len(batch.selected) for batch in capture.batches(where=text))


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
