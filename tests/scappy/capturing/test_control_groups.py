"""Which control groups are others' than a container's."""

from __future__ import annotations

from pathlib import Path

from scapcore.probe import CONTROLLERS, group_number
from scappy.capturing.control_groups import groups_of_others
from scappy.capturing.proc import Proc

WEB, OTHER = ("0123456789ab" * 6)[:64], ("ba9876543210" * 6)[:64]


def made(root: Path, *places: str) -> dict[str, int]:
    for place in places:
        (root / place).mkdir(parents=True)
    return {place: (root / place).stat().st_ino for place in places} | {"": root.stat().st_ino}


def system(folder: Path, *lines: str) -> Proc:
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/mountinfo").write_text("".join(f"{line}\n" for line in lines))
    return Proc(str(folder / "proc"))


def test_the_unified_hierarchy(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    inodes = made(root, "system.slice", f"system.slice/docker-{WEB}.scope/inner", f"system.slice/docker-{OTHER}.scope")
    proc = system(
        tmp_path,
        "20 1 0:5 / /proc rw shared:1 - proc proc rw",
        f"30 1 0:26 / {root} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate",
    )
    groups = groups_of_others(proc, [b"0123456789ab"])
    expected = {inodes[""], inodes["system.slice"], inodes[f"system.slice/docker-{OTHER}.scope"]}
    assert sorted(groups) == sorted(group_number(name, inode) for name in CONTROLLERS for inode in expected)
    both = groups_of_others(proc, [b"0123456789ab", b"ba9876543210"])
    assert len(both) == 2 * len(CONTROLLERS)


def test_older_hierarchies_count_by_themselves(tmp_path: Path) -> None:
    roots = {name: tmp_path / name for name in ("cpu,cpuacct", "memory", "blkio", "unified")}
    inodes = {name: made(root, f"docker/{WEB}", "user") for name, root in roots.items()}
    proc = system(
        tmp_path,
        *(
            f"3{number} 1 0:4{number} / {roots[name]} rw - cgroup cgroup rw,{name}"
            for number, name in enumerate(("cpu,cpuacct", "memory", "blkio"))
        ),
        f"39 1 0:49 / {roots['unified']} rw - cgroup2 cgroup2 rw",
    )
    groups = set(groups_of_others(proc, [b"0123456789ab"]))
    where = {"cpu": "cpu,cpuacct", "cpuacct": "cpu,cpuacct", "memory": "memory", "io": "blkio", "cpuset": "unified"}
    for controller, name in where.items():
        assert group_number(controller, inodes[name]["user"]) in groups
        assert group_number(controller, inodes[name][f"docker/{WEB}"]) not in groups
    assert len(groups) == 3 * len(CONTROLLERS)


def test_without_any(tmp_path: Path) -> None:
    assert groups_of_others(system(tmp_path), [b"0123456789ab"]) == []
    assert groups_of_others(Proc(str(tmp_path / "nothing")), [b"0123456789ab"]) == []
