"""Snapshots in all forms that they come in, whole and damaged."""

from __future__ import annotations

import gzip
import json
import random
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_objects import api_object, pod

from scapcore.errors import MissingDependencyError, SourceError
from scappy.metadata import read_objects
from scappy.metadata.reading import LARGE

OBJECTS = [api_object("Namespace", "shop"), pod("web", "a" * 64), pod("database", "b" * 64)]
LIST = {"apiVersion": "v1", "items": OBJECTS, "kind": "List", "metadata": {}}
TYPED = {"kind": "PodList", "items": [{key: value for key, value in item.items() if key != "kind"} for item in OBJECTS[1:]]}
ONE_BY_ONE = "\n".join(json.dumps(item, indent=1) for item in OBJECTS).encode()


def names(found: Any) -> list[str]:
    return [item["metadata"]["name"] for item in found.objects]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(LIST).encode(),
        json.dumps(LIST, indent=4).encode(),
        json.dumps(OBJECTS).encode(),
        ONE_BY_ONE,
        gzip.compress(ONE_BY_ONE),
        gzip.compress(ONE_BY_ONE[:100]) + gzip.compress(ONE_BY_ONE[100:]),
        b"\xef\xbb\xbf" + ONE_BY_ONE,
        ONE_BY_ONE.decode().encode("utf-16"),
        yaml.safe_dump(LIST).encode(),
        yaml.safe_dump_all(OBJECTS).encode(),
        gzip.compress(yaml.safe_dump_all(OBJECTS).encode()),
        "\n".join(json.dumps({"type": "ADDED", "object": item}) for item in OBJECTS).encode(),
        json.dumps({"items": [LIST]}).encode(),
    ],
)
def test_forms(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "snapshot").write_bytes(data)
    for what in (data, tmp_path / "snapshot", str(tmp_path / "snapshot")):
        found = read_objects(what)
        assert (names(found), found.problems) == (["shop", "web", "database"], [])
        assert [item["kind"] for item in found.objects] == ["Namespace", "Pod", "Pod"]


@pytest.mark.parametrize("what", [LIST, OBJECTS, iter(OBJECTS), [LIST]])
def test_python_values(what: Any) -> None:
    assert names(read_objects(what)) == ["shop", "web", "database"]


def test_items_of_typed_lists_have_their_kind() -> None:
    assert [item["kind"] for item in read_objects(json.dumps(TYPED).encode()).objects] == ["Pod", "Pod"]


@pytest.mark.parametrize("path", ["no such file", ".", "\0"])
def test_files_that_cannot_be_read(path: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        read_objects(str(tmp_path / path))


@pytest.mark.parametrize("data", [b"", b"\n", b"{}", b"[]", b"null", b"\0\1\2", b"[1, 2]", b'{"items": 3}', b"just text"])
def test_nothing_in_it(data: bytes) -> None:
    found = read_objects(data)
    assert [item for item in found.objects if "kind" in item] == []


@pytest.mark.parametrize("indent", [None, 4])
@pytest.mark.parametrize("whole", [LIST, TYPED])
def test_a_cut_list_keeps_its_whole_objects(whole: Any, indent: int | None) -> None:
    text = json.dumps(whole, indent=indent)
    place = text.index('"database"')
    found = read_objects(text[:place].encode())
    assert names(found) == names(read_objects(whole))[:-1]
    assert len(found.problems) == 1 and "damaged or cut in line" in found.problems[0]
    assert {item["kind"] for item in found.objects} == {item["kind"] for item in read_objects(whole).objects[:-1]}


def test_a_damaged_object_costs_no_other() -> None:
    text = json.dumps(LIST, indent=4).replace('"web"', '"web', 1)
    assert names(read_objects(text.encode())) == ["shop", "database"]


def test_a_cut_gzip_file() -> None:
    many = [pod(f"pod{number}", f"{number:064x}") for number in range(2000)]
    data = gzip.compress(json.dumps({"kind": "List", "items": many}).encode())
    found = read_objects(data[: len(data) // 2])
    assert len(found.objects) > 500
    assert "its compressed data are cut" in found.problems


def test_damaged_gzip() -> None:
    data = bytearray(gzip.compress(ONE_BY_ONE))
    data[len(data) // 2] ^= 0xFF
    found = read_objects(bytes(data))
    assert found.problems


def test_a_cut_yaml_stream_keeps_what_is_before() -> None:
    text = yaml.safe_dump_all(OBJECTS) + "---\nkind: [\n"
    found = read_objects(text.encode())
    assert names(found) == ["shop", "web", "database"]
    assert "damaged in line" in found.problems[0]


@pytest.mark.parametrize("opening", ['[', '{"a":'])
def test_deep_nesting(opening: str) -> None:
    assert read_objects((opening * 200_000).encode()).problems


def test_yaml_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert names(read_objects(ONE_BY_ONE)) == ["shop", "web", "database"]
    with pytest.raises(MissingDependencyError, match=r"scappy\[k8s\]"):
        read_objects(b"kind: List\n")


def test_random_damage_raises_nothing() -> None:
    chance = random.Random(6)
    text = bytearray(json.dumps(LIST, indent=1).encode())
    for _ in range(300):
        copy = bytearray(text)
        for _ in range(chance.randrange(1, 6)):
            copy[chance.randrange(len(copy))] = chance.choice(b'{}[]",:x\0\xff')
        found = read_objects(bytes(copy[: chance.randrange(1, len(copy))]))
        assert all(isinstance(item, dict) for item in found.objects)


@pytest.mark.parametrize("damage", [b"", b'"', b"\0"])
def test_large_files_are_read_as_their_bytes(tmp_path: Path, damage: bytes) -> None:
    names = [f"pod-{number}" for number in range(9000)]
    items = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "uid": "x" * 90}} for name in names]
    data = json.dumps({"kind": "List", "items": items}, indent=1).encode()
    place = data.index(b"pod-5000")
    data = data[:place] + damage + data[place:]
    path = tmp_path / "snapshot.json"
    path.write_bytes(data)
    assert len(data) > LARGE
    found, expected = read_objects(path), read_objects(data)
    assert list(found.objects) == list(expected.objects)
    assert found.problems == expected.problems and bool(found.problems) == (damage != b"")
    assert len(found.objects) == 9000 - bool(damage)
    path.write_bytes(gzip.compress(data))
    assert list(read_objects(path).objects) == list(expected.objects)


def test_a_large_file_where_no_thread_can_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    path = tmp_path / "snapshot.json"
    path.write_bytes(b'{"kind": "Pod"}' + b" " * LARGE)
    assert list(read_objects(path).objects) == [{"kind": "Pod"}]
