"""How far the reading has come, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scapcore.errors import MissingDependencyError
from scapcore.reader import Reader

__all__ = ["followed"]


@contextmanager
def followed(reader: Reader, wanted: bool) -> Iterator[Callable[[], None]]:
    """Show a bar of the bytes read while the block runs.

    Parameters
    ----------
    reader : Reader
        Whose source is watched.
    wanted : bool
        Whether to show anything at all.

    Yields
    ------
    callable
        To be called after each batch.

    Raises
    ------
    MissingDependencyError
        If a bar is wanted and rich is not installed.
    """
    if not wanted:
        yield lambda: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
    except ImportError as error:
        raise MissingDependencyError("rich", "progress", "a progress bar") from error
    source = reader.source
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(source.name, total=source.size)

        def step() -> None:
            progress.update(task, completed=reader.position if source.mapped is not None else source.position)

        yield step
