"""What a person sees while recordings are worked on: bars on a terminal, single lines elsewhere. On standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pipeline.cli.batch import Outcome, Reporter, Status
from pipeline.cli.recordings import Recording
from pipeline.cli.summary import sentence, summary_table
from pipeline.hooks import Hook, NullHook

LOG_WIDTH = 200
"""Columns of the table where no terminal sets its width."""


def reporter(*, quiet: bool) -> Reporter:
    """Choose how to report: bars where a person watches standard error, lines where a file or a pipe takes it."""
    if quiet:
        return Quiet()
    return Bars(Console(stderr=True)) if sys.stderr.isatty() else Lines()


class Quiet:
    """Only failures."""

    def watch(self, recording: Recording, number: int, total: int) -> AbstractContextManager[Hook]:  # noqa: ARG002
        """Show nothing."""
        return nullcontext(NullHook())

    def end(self, outcome: Outcome) -> None:
        """Name what failed."""
        if outcome.status is Status.FAILED:
            print(sentence(outcome), file=sys.stderr)  # noqa: T201

    def close(self, outcomes: Sequence[Outcome]) -> None:
        """Say nothing."""


class Lines:
    """One line a recording, and the table where there were several."""

    def watch(self, recording: Recording, number: int, total: int) -> AbstractContextManager[Hook]:  # noqa: ARG002
        """Show nothing; the line comes at the end."""
        return nullcontext(NullHook())

    def end(self, outcome: Outcome) -> None:
        """Say how it ended, at once, also where standard error is a file."""
        print(sentence(outcome), file=sys.stderr, flush=True)  # noqa: T201

    def close(self, outcomes: Sequence[Outcome]) -> None:
        """Print the table."""
        if len(outcomes) > 1:
            # Wide enough that no cell is folded: a log has no width.
            Console(stderr=True, width=LOG_WIDTH).print(summary_table(outcomes), soft_wrap=True)


class Speed(ProgressColumn):
    """Seconds of audio a second: 12.3x."""

    def render(self, task: Task) -> Text:
        """Show nothing until there is something to show."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}x" if speed else "", style="progress.data.speed", justify="right")


class Bars:
    """A bar for each stage of the recording at hand, then its line; the table where there were several."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def watch(self, recording: Recording, number: int, total: int) -> Iterator[Hook]:
        """Show a bar for each stage, from its first report; nothing of them is left."""
        position = f"[{number}/{total}] " if total > 1 else ""
        columns = (
            TextColumn("{task.fields[recording]}", markup=False),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            Speed(),
            TimeRemainingColumn(),
        )
        # Standard output is not this console's: what is redirected would reach the terminal, not the reader's pipe.
        progress = Progress(*columns, console=self._console, transient=True, redirect_stdout=False)
        with progress:
            yield StageBars(progress, position + recording.name)

    def end(self, outcome: Outcome) -> None:
        """Print the recording's line."""
        style = "red" if outcome.status is Status.FAILED else None
        self._console.print(sentence(outcome), style=style, markup=False, highlight=False, soft_wrap=True)

    def close(self, outcomes: Sequence[Outcome]) -> None:
        """Print the table."""
        if len(outcomes) > 1:
            self._console.print(summary_table(outcomes))


class StageBars:
    """The hook behind `Bars`. Stages may report from threads of their own."""

    def __init__(self, progress: Progress, recording: str) -> None:
        self._progress = progress
        self._recording = recording
        self._tasks: dict[str, TaskID] = {}
        self._shares: dict[str, float] = {}
        self._lock = Lock()

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Move the stage's bar, adding it at its first report; a report that would move it back is passed over."""
        share = done / total if total > 0 else 0.0
        with self._lock:
            if stage not in self._tasks:
                self._tasks[stage] = self._progress.add_task(stage, total=total, recording=self._recording)
            elif share < self._shares[stage]:
                return
            self._shares[stage] = share
            self._progress.update(self._tasks[stage], completed=done, total=total)
