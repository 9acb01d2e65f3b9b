"""What a person sees while models are fetched: a bar on a terminal, a line elsewhere. On standard error."""

from __future__ import annotations

import atexit
import sys
from threading import Lock
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

if TYPE_CHECKING:
    from pipeline.models import Progress as ModelProgress

MEGABYTE = 1_000_000


def downloads(*, quiet: bool) -> ModelProgress:
    """Choose how to tell of downloads."""
    from pipeline.models import NullProgress

    if quiet:
        return NullProgress()
    return DownloadBars(Console(stderr=True)) if sys.stderr.isatty() else DownloadLines()


class DownloadLines:
    """One line when a download begins."""

    def __init__(self) -> None:
        self._begun: set[str] = set()

    def __call__(self, name: str, done: int, total: int | None) -> None:  # noqa: ARG002 - only its beginning is told
        """Name the model and its size at the first report."""
        if name not in self._begun:
            self._begun.add(name)
            size = "" if total is None else f" ({total / MEGABYTE:.0f} MB)"
            print(f"fetching {name}{size}", file=sys.stderr, flush=True)  # noqa: T201


class DownloadBars:
    """A bar for each download, gone when the last is complete."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._lock = Lock()

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Move the bar, adding it at its first report; take the display down once everything is here."""
        with self._lock:
            if self._progress is None:
                columns = (
                    TextColumn("fetching {task.description}"),
                    BarColumn(),
                    DownloadColumn(),
                    TransferSpeedColumn(),
                )
                self._progress = Progress(*columns, console=self._console, transient=True, redirect_stdout=False)
                self._progress.start()
                # A download that fails never finishes its bar; the terminal gets its cursor back all the same.
                atexit.register(self._progress.stop)
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(name, total=total)
            self._progress.update(self._tasks[name], completed=done, total=total)
            if self._progress.finished:
                self._progress.stop()
                atexit.unregister(self._progress.stop)
                self._progress, self._tasks = None, {}
