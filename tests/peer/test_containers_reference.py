"""The reference finds the same containers in control groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from control_groups import FORMS, capture_of_forms, container_of


def test_ids_in_control_groups(tmp_path: Path, reference: Callable[..., Any]) -> None:
    path = tmp_path / "forms.scap"
    path.write_bytes(capture_of_forms())
    printed = reference("-r", path, "-p", "%proc.name|%container.id", "evt.dir=>").stdout.decode().splitlines()
    assert printed == [f"{form.name}|{form.reference or container_of(form)}" for form in FORMS]
