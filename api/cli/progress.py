"""What a person sees of uploads and jobs: a bar each on a terminal, single lines elsewhere. On standard error."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from api.cli.showing import plain

MINUTE = 60


class Reporter(Protocol):
    """Tells people how far things are, by label; never writes to standard output."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def upload(self, label: str, done: int, total: int) -> None:
        """So many bytes of a file were sent."""

    def job(self, label: str, job: Mapping[str, Any]) -> None:
        """A job stands so."""

    def say(self, line: str, *, failed: bool = False) -> None:
        """Something is done, or has failed."""


def reporter(*, quiet: bool) -> Reporter:
    """Choose how to report: bars where a person watches standard error, lines where a file or a pipe takes it."""
    return Bars(Console(stderr=True)) if sys.stderr.isatty() and not quiet else Lines(quiet=quiet)


class Lines:
    """A line for what is done or has failed; quiet ones for failures only."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def upload(self, label: str, done: int, total: int) -> None:
        """Show nothing; the line comes at the end."""

    def job(self, label: str, job: Mapping[str, Any]) -> None:
        """Show nothing; the line comes at the end."""

    def say(self, line: str, *, failed: bool = False) -> None:
        """Print a line at once, also where standard error is a file."""
        if failed or not self._quiet:
            print(plain(line), file=sys.stderr, flush=True)  # noqa: T201


class Bars:
    """A bar for each recording or job, gone when the last is done; what is said stays above them."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[doing]}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}", markup=False),
        )
        # Standard output is not this console's: what is redirected would reach the terminal, not the reader's pipe.
        self._progress = Progress(*columns, console=console, transient=True, redirect_stdout=False)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def upload(self, label: str, done: int, total: int) -> None:
        """Move the bar of an upload."""
        self._move(label, "uploading", done, total, "")

    def job(self, label: str, job: Mapping[str, Any]) -> None:
        """Show the job's stage and progress on the same bar."""
        doing = job["stage"] if job["state"] == "running" and job["stage"] else job["state"]
        self._move(label, str(doing), float(job["progress"]), 1.0, remaining(job["eta_seconds"]))

    def say(self, line: str, *, failed: bool = False) -> None:
        """Print a line above the bars."""
        style = "red" if failed else None
        self._progress.console.print(plain(line), style=style, markup=False, highlight=False, soft_wrap=True)

    def _move(self, label: str, doing: str, done: float, total: float, left: str) -> None:
        doing = plain(doing).replace("_", " ")
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(plain(label), total=total, doing=doing, left=left)
        self._progress.update(self._tasks[label], completed=done, total=total, doing=doing, left=left)


def remaining(seconds: float | None) -> str:
    """`1:05 left`, or nothing where nothing can be said."""
    return "" if seconds is None else f"{round(seconds) // MINUTE}:{round(seconds) % MINUTE:02d} left"
