"""The native core of scappy: bytes of a capture in, columns and masks out.

Nothing here prints, knows Kubernetes or parses a command line; that is the work of :mod:`scappy`,
which imports this package and is never imported by it.
"""

from __future__ import annotations

import os

__all__ = ["get_include"]


def get_include() -> str:
    """Directory of the C header that modules need which ``cimport`` scapcore, for ``include_dirs``.

    Examples
    --------
    >>> os.path.exists(os.path.join(get_include(), "_tables.h"))
    True
    """
    return os.path.join(os.path.dirname(__file__), "schema")
