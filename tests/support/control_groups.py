"""Control groups as runtimes of all kinds make them, and a capture with a process in each."""

from __future__ import annotations

import hashlib
import io
from typing import Any, NamedTuple

from scappy.records import Thread
from scappy.writer import CaptureWriter

POD = "5b57a1f2-bd5a-11e6-8bdb-028ce2cfb533"
SLICE = f"kubepods-burstable-pod{POD.replace('-', '_')}.slice"
SLICES = f"/kubepods.slice/kubepods-burstable.slice/{SLICE}"
RKT = f"/var/lib/rkt/pods/run/{POD}"
UUID = "container_uuid=pod-1"
STATIC = "c6a443fd7470d526a9d9fbded1a75153"


class Form(NamedTuple):
    """A form of control groups: ``ID`` stands for 64 digits; what they tell."""

    name: str
    groups: str
    container: str = "ID"
    type: str = "docker"
    pod: str | None = None
    env: tuple[str, ...] = ()
    root: str = "/"
    reference: str = ""         # what the reference finds, where that is something else


FORMS = (
    Form("docker cgroupfs v1", "cpu=/docker/ID"),
    Form("docker systemd v1", "cpu=/system.slice/docker-ID.scope"),
    Form("docker systemd v2", "=/system.slice/docker-ID.scope"),
    Form("docker in kubernetes cgroupfs", f"memory=/kubepods/burstable/pod{POD}/ID", pod=POD),
    Form("docker in kubernetes systemd", f"memory={SLICES}/docker-ID.scope", pod=POD),
    Form("docker static pod", f"cpu=/kubepods/pod{STATIC}/ID", pod=STATIC),
    Form("containerd cgroupfs", f"cpu=/kubepods/besteffort/pod{POD}/ID", pod=POD),
    Form("containerd systemd v1", f"cpu={SLICES}/cri-containerd-ID.scope", type="cri", pod=POD),
    Form("containerd systemd v2", f"={SLICES}/cri-containerd-ID.scope", type="cri", pod=POD),
    Form("containerd of its service", f"cpu=/system.slice/containerd.service/{SLICE}:cri-containerd:ID", type="cri", pod=POD),
    Form("containerd in kind", f"=/kubelet.slice{SLICES}/cri-containerd-ID.scope", type="cri", pod=POD),
    Form("cri-o cgroupfs", f"cpu=/kubepods/pod{POD}/crio-ID", type="cri", pod=POD),
    Form("cri-o systemd v1", f"cpu={SLICES}/crio-ID.scope", type="cri", pod=POD),
    Form("cri-o crun v2", f"={SLICES}/crio-ID.scope/container", type="cri", pod=POD),
    Form("cri-o conmon", f"cpu={SLICES}/crio-conmon-ID.scope", container="host", type="host"),
    Form("podman systemd v1", "cpu=/machine.slice/libpod-ID.scope", type=""),
    Form("podman systemd v2", "=/machine.slice/libpod-ID.scope/container", type=""),
    Form("podman rootless", "=/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", type=""),
    Form("lxc", "cpu=/lxc/shop/init.scope", container="shop", type="lxc"),
    Form("lxc with payload", "cpu=/lxc.payload/bakery", container="bakery", type="lxc"),
    Form("lxc from version 4 on", "=/lxc.payload.forge/init.scope", container="forge", type="lxc", reference="host"),
    Form("lxc monitor", "=/lxc.monitor.forge", container="host", type="host"),
    Form("libvirt", "cpu=/machine/desk.libvirt-lxc", container="desk", type="libvirt-lxc"),
    Form("libvirt systemd", "cpu=/machine.slice/machine-lxc\\x2d3-attic.scope", container="3-attic", type="libvirt-lxc"),
    # As in the reference, which looks for LXC first
    Form("libvirt old", "cpu=/libvirt/lxc/cellar", container="cellar", type="lxc"),
    Form("bpm", "cpu=/system.slice/bpm-nats.scope", container="nats", type="bpm"),
    Form("mesos", f"cpu=/mesos/{POD}", container=POD, type="mesos", env=("A=b", "MESOS_TASK_ID=shop.5b57a1f2")),
    Form("mesos of chronos", f"cpu=/mesos/{POD[::-1]}", container=POD[::-1], type="mesos", env=("mesos_task_id=ct:1_0",)),
    Form("mesos without task", f"cpu=/mesos/{POD}", container="host", type="host"),
    Form("mesos without id of a task", f"cpu=/mesos/{POD}", container="host", type="host", env=("MESOS_TASK_ID=shop",)),
    Form("mesos of another length", f"cpu=/mesos/{POD}0", container="host", type="host", env=("MESOS_TASK_ID=a.b",)),
    Form("rkt fly", "cpu=/", container=f"{POD}:web", type="rkt", root=f"{RKT}/stage1/rootfs/opt/stage2/web/rootfs"),
    Form("rkt coreos", "cpu=/", container="pod-1:shop", type="rkt", root="/opt/stage2/shop/rootfs/a", env=(UUID,)),
    Form("rkt without pod", "cpu=/", container="host", type="host", root="/opt/stage2/shop/rootfs"),
    Form("rkt without app", "cpu=/", container="host", type="host", root=f"{RKT}/stage1/rootfs"),
    Form("none", "cpu=/user.slice", container="host", type="host"),
    Form("too few digits", "cpu=/docker/0123456789ab", container="host", type="host"),
    Form("a service", "=/system.slice/cron.service", container="host", type="host"),
)


def container_of(form: Form) -> str:
    """The id that fields show, twelve digits of those that have 64."""
    return form.container.replace("ID", digits(form)[:12])


def digits(form: Form) -> str:
    """An id of its own for each form."""
    return hashlib.sha256(form.name.encode()).hexdigest()


def capture_of_forms() -> bytes:
    """A process of each form, named after it, that does one thing."""
    target = io.BytesIO()
    with CaptureWriter(target) as writer:
        for number, form in enumerate(FORMS):
            groups = form.groups.replace("ID", digits(form))
            more: dict[str, Any] = {"cgroups": (groups,), "env": form.env, "root": form.root}
            writer.thread(Thread(100 + number, form.name, "x", ptid=1, vtid=1, vpid=1, **more))
        for number in range(len(FORMS)):
            writer.event("close", ">", 1000 + number, 100 + number, 0, fd=9)
            writer.event("close", "<", 1000 + number, 100 + number, 0, res=-9)
    return target.getvalue()
