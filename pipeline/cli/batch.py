"""Several recordings, one after the other, with the same loaded models. One bad recording does not stop the rest."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Protocol

from pipeline.cli.destination import Content, Destination
from pipeline.cli.failures import ExitCode, describe
from pipeline.cli.recordings import Recording
from pipeline.errors import InvalidOption, MissingDependency, ModelError
from pipeline.hooks import Hook


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one recording."""

    artefacts: Mapping[str, Content]
    """Results by suffix."""
    seconds: float
    """Length of the audio."""
    speakers: int | None = None
    """None where the command does not tell speakers apart."""
    words: int | None = None
    """None where the command does not recognize words."""
    notices: tuple[str, ...] = ()
    """What the reader should know."""


Work = Callable[[Recording, Hook], Report]


class Status(StrEnum):
    """How it ended for one recording."""

    DONE = "done"
    SKIPPED = "skipped"
    """Its results were there already, and newer than the recording."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One row of the closing table."""

    recording: Recording
    status: Status
    report: Report | None = None
    error: str = ""
    """What went wrong, in one line; empty unless failed."""
    elapsed: float = 0.0
    """Wall-clock seconds."""

    @property
    def speed(self) -> float | None:
        """Seconds of audio a second of work; None where nothing was done."""
        return self.report.seconds / self.elapsed if self.report and self.elapsed > 0 else None


class Reporter(Protocol):
    """Tells people how far the batch is; never writes to standard output."""

    def watch(self, recording: Recording, number: int, total: int) -> AbstractContextManager[Hook]:
        """Show how far a recording is, for as long as the context lasts; its stages report to the hook."""

    def end(self, outcome: Outcome) -> None:
        """Say how it ended."""

    def close(self, outcomes: Sequence[Outcome]) -> None:
        """Sum up. Also called when the batch is interrupted."""


def run_batch(
    recordings: Sequence[Recording],
    load: Callable[[], Work],
    destination: Destination,
    reporter: Reporter,
    *,
    debug: bool = False,
) -> ExitCode:
    """Work through the recordings. Models are loaded once, when the first recording needs them.

    Raises:
        ModelError, MissingDependency, InvalidOption: no other recording would fare better, so the batch ends.
    """
    outcomes: list[Outcome] = []
    loaded = cache(load)
    try:
        for number, recording in enumerate(recordings, start=1):
            watch = partial(reporter.watch, recording, number, len(recordings))
            outcome = _process(recording, loaded, destination, watch, debug=debug)
            outcomes.append(outcome)
            reporter.end(outcome)
    finally:
        reporter.close(outcomes)
    return ExitCode.FAILED if any(outcome.status is Status.FAILED for outcome in outcomes) else ExitCode.DONE


def _process(
    recording: Recording,
    load: Callable[[], Work],
    destination: Destination,
    watch: Callable[[], AbstractContextManager[Hook]],
    *,
    debug: bool,
) -> Outcome:
    started = time.perf_counter()
    try:
        destination.check(recording)
        if destination.is_done(recording):
            return Outcome(recording=recording, status=Status.SKIPPED)
        work = load()  # before the bars: a download shows a bar of its own
        started = time.perf_counter()
        with watch() as hook:
            report = work(recording, hook)
        destination.deliver(recording, report.artefacts)
    except (BrokenPipeError, InvalidOption, MissingDependency, ModelError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one recording, the others are not to blame
        if debug:
            traceback.print_exc()
        return Outcome(recording=recording, status=Status.FAILED, error=describe(error))
    elapsed = time.perf_counter() - started
    return Outcome(recording=recording, status=Status.DONE, report=report, elapsed=elapsed)
