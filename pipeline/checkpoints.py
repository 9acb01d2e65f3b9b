"""Going on after the last finished stage, where a run was cut short."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from pipeline.artefacts import Artefact, Made
from pipeline.errors import MalformedFile
from pipeline.pace import Alone, Pace
from pipeline.stopwatch import Stopwatch

T = TypeVar("T")

COUNTED_AS: Final = {"embedding": "diarization", "recognition": "asr"}
"""Under which name the seconds of a stage stand in a result, where not under its own."""


class Checkpoints(Protocol):
    """Keeps what stages have finished of one recording.

    Stages are called `segmentation`, `embedding`, `diarization` and `recognition`; where channels are kept apart, the
    channel follows, from 0: `segmentation.1`. What was made from other audio, with other options, models or another
    version belongs to other checkpoints: whoever keeps them sees to that. Calls may come from different threads, but
    come one at a time.
    """

    def load(self, stage: str) -> bytes | None:
        """Give what was saved for a stage; None where nothing was."""

    def save(self, stage: str, content: bytes) -> None:
        """Keep what a stage has finished, in place of what was kept for it before."""


class NoCheckpoints:
    """Keeps nothing."""

    def load(self, stage: str) -> bytes | None:
        """Have nothing."""

    def save(self, stage: str, content: bytes) -> None:
        """Forget it."""


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Runs the stages of one recording, or of one of its channels; what an earlier run has finished is not run again.

    A checkpoint that cannot be read, or does not belong to this audio, is made anew.
    """

    checkpoints: Checkpoints
    watch: Stopwatch
    duration: float
    """Seconds of audio."""
    channel: int | None = None
    """None where all voices are on one channel."""
    pace: Pace = field(default_factory=Alone)
    turn: threading.Lock = field(default_factory=threading.Lock, compare=False)
    """For the checkpoints, as stages may run side by side. Taken while away alone: coming back may mean to wait."""

    def __call__(
        self, name: str, artefact: Artefact[T], compute: Callable[[], T], fits: Callable[[T], bool] | None = None
    ) -> T:
        """Give the result of a stage. `fits` says whether one that was kept belongs to the results before it."""
        stage = name if self.channel is None else f"{name}.{self.channel}"
        kept = self._kept(stage, artefact)
        if kept is not None and (fits is None or fits(kept[0])):
            self.watch.add(COUNTED_AS.get(name, name), kept[1].seconds)
            return kept[0]
        del kept
        started = time.perf_counter()
        value = compute()
        if not isinstance(self.checkpoints, NoCheckpoints):  # writing bytes for nobody takes 2 s an hour of audio
            made = Made(duration=self.duration, seconds=time.perf_counter() - started)
            content = artefact.encode(value, made)
            with self.pace.away(), self.turn:
                self.checkpoints.save(stage, content)
        return value

    def _kept(self, stage: str, artefact: Artefact[T]) -> tuple[T, Made] | None:
        with self.pace.away(), self.turn:
            content = self.checkpoints.load(stage)
        if content is None:
            return None
        try:
            value, made = artefact.decode(content)
        except MalformedFile:
            return None
        return (value, made) if made.duration == self.duration else None
