"""Progress bars on standard error, where somebody watches; nothing where nobody does."""

import contextlib
import sys
from collections.abc import Callable, Generator

__all__ = ["bytes_progress", "count_progress"]

Show = Callable[[float, float], None]
"""Called with how much is done and how much there is in all."""


@contextlib.contextmanager
def _progress(*columns: object, description: str) -> Generator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *(column for column in columns if isinstance(column, ProgressColumn)),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not (sys.stderr and sys.stderr.isatty()),
    )
    with bar:
        task = bar.add_task(description, total=None)

        def show(done: float, total: float) -> None:
            bar.update(task, completed=done, total=total)

        yield show


@contextlib.contextmanager
def bytes_progress(description: str) -> Generator[Show]:
    """Show a bar that counts bytes while the block runs."""
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _progress(DownloadColumn(), TransferSpeedColumn(), description=description) as show:
        yield show


@contextlib.contextmanager
def count_progress(description: str) -> Generator[Show]:
    """Show a bar that counts things while the block runs."""
    from rich.progress import MofNCompleteColumn

    with _progress(MofNCompleteColumn(), description=description) as show:
        yield show
