"""How the commands begin and end as programs: with little work at the start, and none at the end.

Objects made by importing stay to the end, so looking for garbage among them only takes time. At the end everything has
been written and closed, and the system takes memory back faster than the interpreter does.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

__all__ = ["leave", "scapdig", "toolbox"]


def scapdig() -> NoReturn:
    """The program ``scapdig``."""
    run("scappy.cli.scapdig")


def toolbox() -> NoReturn:
    """The program ``scappy``."""
    run("scappy.cli.toolbox")


def run(module: str) -> NoReturn:
    """Run the command that a module holds, and end the process with its status."""
    gc.disable()
    main: Callable[[], int] = import_module(module).main
    gc.freeze()
    gc.enable()
    leave(main())


def leave(status: int) -> NoReturn:
    """End the process: at once where nobody has anything left to do, in the ordinary way otherwise.

    Parameters
    ----------
    status : int
        The exit status.
    """
    if is_done():
        os._exit(status)
    sys.exit(status)


def is_done() -> bool:
    """Whether the ordinary end would do nothing that anybody can see.

    Output that cannot be written is left to the ordinary end, which says so; also functions that wait for the end
    (nobody imports ``atexit`` for anything else), other threads, and whoever watches the interpreter.
    """
    threading = sys.modules.get("threading")
    if "atexit" in sys.modules or (threading is not None and threading.active_count() > 1):
        return False
    if sys.flags.interactive or sys.getprofile() is not None or sys.gettrace() is not None:
        return False
    if sys.version_info >= (3, 12) and any(sys.monitoring.get_tool(tool) for tool in range(6)):
        return False
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True
