"""What the command lines do with objects of a cluster."""

from __future__ import annotations

import sys

from scappy.capture import Capture
from scappy.metadata import Directory, read_objects

__all__ = ["join"]


def join(capture: Capture, program: str, *, snapshot: str) -> Capture:
    """The capture with the objects in a file; what is wrong with them is told on standard error."""

    def warn(text: str) -> None:
        print(f"{program}: {text}", file=sys.stderr)

    return capture.join_kubernetes(Directory(read_objects(snapshot), warn))
