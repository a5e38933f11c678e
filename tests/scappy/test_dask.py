"""Many captures as one DataFrame: the same rows as one by one, on two workers, even if one of them dies."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest
from distributed import Client, LocalCluster

import scappy
from scappy.compression import FRAME_SIZES
from scappy.dask import read_captures
from scappy.samples import write_walkthrough

COLUMNS = ["evt.num", "evt.time", "evt.type", "proc.name", "fd.name", "evt.rawres", "evt.latency", "evt.failed", "evt.buffer"]
FILTER = "proc.name in (curl, nginx, haproxy) and evt.dir = <"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four captures, one of them with checkpoints."""
    place = tmp_path_factory.mktemp("captures")
    write_walkthrough(place / "a.scap")
    capture = scappy.open(place / "a.scap")
    capture.write(place / "b.scap", where="evt.num <= 50000")
    capture.write(place / "c.scap.gz", where="evt.num > 50000", compress="gzip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scappy.copying.checkpoints.DISTANCE", 1 << 20)
        patch.setitem(FRAME_SIZES, "lz4", 1 << 18)
        capture.write(place / "d.scap.lz4", compress="lz4")
    return place


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def whole(paths: list[Path], where: str | None) -> pandas.DataFrame:
    """What is expected: every capture by itself."""
    frames = []
    for path in paths:
        frame = scappy.open(path).select(COLUMNS, where=where).to_pandas()
        for name in ("evt.type", "proc.name", "fd.name"):
            frame[name] = frame[name].astype("string[pyarrow]")
        frames.append(frame)
    return pandas.concat(frames, ignore_index=True)


def same(found: pandas.DataFrame, expected: pandas.DataFrame) -> None:
    assert list(found.columns) == list(expected.columns)
    for name in found.columns:
        missing = found[name].isna()
        assert (missing.to_numpy() == expected[name].isna().to_numpy()).all(), name
        assert found[name][~missing].tolist() == expected[name][~missing.to_numpy()].tolist(), name


def test_the_same_rows_as_one_by_one(folder: Path, cluster: Client) -> None:
    frame = read_captures(str(folder / "*.scap*"), COLUMNS, FILTER)
    assert frame.npartitions == 4
    found = frame.compute().reset_index(drop=True)
    same(found, whole(sorted(folder.glob("*.scap*")), FILTER))
    assert dict(frame.dtypes) == dict(found.dtypes)
    counts = frame.groupby("proc.name")["evt.num"].count().compute()
    assert counts.to_dict() == found.groupby("proc.name")["evt.num"].count().to_dict()


def test_a_worker_that_dies(folder: Path, cluster: Client) -> None:
    expected = whole([folder / "a.scap"] * 12, FILTER)
    pids = list(cluster.run(os.getpid).values())
    frame = read_captures([folder / "a.scap"] * 12, COLUMNS, FILTER)
    future = cluster.compute(frame)
    time.sleep(0.3)
    os.kill(pids[0], signal.SIGKILL)
    same(future.result(timeout=120).reset_index(drop=True), expected)
    # Its successor may not have come yet, or not answer yet.
    assert pids[0] not in cluster.run(os.getpid, on_error="ignore").values()


def test_ranges_of_a_capture(folder: Path) -> None:
    """Without a cluster: Dask's own threads."""
    path = folder / "d.scap.lz4"
    frame = read_captures(path, COLUMNS, FILTER, events=1, source=True)
    assert frame.npartitions > 1
    found = frame.compute(scheduler="sync").reset_index(drop=True)
    assert set(found.pop("capture")) == {str(path)}
    expected = whole([path], FILTER)
    latencies = found.pop("evt.latency"), expected.pop("evt.latency")
    same(found, expected)
    # Calls that span two partitions have none.
    different = latencies[0] != latencies[1]
    assert different.sum() < 20 and not latencies[0][different].any()
    assert read_captures(folder / "a.scap", COLUMNS, events=1).npartitions == 1


def test_mistakes_are_told_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "a.scap"
    with pytest.raises(scappy.FieldError):
        read_captures(path, ["proc.nme"])
    with pytest.raises(scappy.FilterError):
        read_captures(path, COLUMNS, "proc.nme = a")
    with pytest.raises(scappy.SourceError, match="nothing matches"):
        read_captures(str(folder / "*.nothing"), COLUMNS)
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    with pytest.raises(scappy.MissingDependencyError, match=r"scappy\[dask\]"):
        read_captures(path, COLUMNS)
