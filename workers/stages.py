"""How long stages take, in metrics and traces."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from api import tracing
from pipeline.hooks import Hook
from workers.metrics import STAGE_SECONDS


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a stage of the worker's own."""
    with tracing.span(f"stage.{name}", stage=name), STAGE_SECONDS.labels(name).time():
        yield


class StageSpans:
    """Makes spans of the pipeline's stages out of what they report, and passes the reports on.

    A stage is taken to begin where the report before its first one came, and to end with its last: the pipeline knows
    nothing of traces. Stages that come once a channel have a span for each. Parts of the work that run side by side are
    told apart by their threads; the first report of a thread has that of any before it. An error that ends the work is
    noted at each stage that was under way. How long stages take is in the metrics by the pipeline's own clock.
    """

    def __init__(self, hook: Hook, clock: Callable[[], int] = time.time_ns) -> None:
        self._hook = hook
        self._clock = clock
        self._tracks: dict[int, _Track] = {}

    def __enter__(self) -> Self:
        self._parent = tracing.traceparent()
        self._last = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for track in self._tracks.values():
            if error is not None and not track.over:
                track.last = self._clock()
                self._end(track, error)
            else:
                self._end(track)

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Hear a report, one at a time; raises what the hook behind it raises."""
        track = self._tracks.get(threading.get_ident())
        if track is None or track.stage != stage:
            if track is not None:
                self._end(track)
            began = self._last if track is None else track.last
            track = self._tracks[threading.get_ident()] = _Track(stage, began)
        self._last = track.last = self._clock()
        track.over = done >= total
        self._hook(stage, done, total)

    def _end(self, track: _Track, error: BaseException | None = None) -> None:
        if self._parent is not None:
            name = f"stage.{track.stage}"
            tracing.record(name, track.began, track.last, parent=self._parent, error=error, stage=track.stage)


@dataclass(slots=True)
class _Track:
    """The stage that a thread is at."""

    stage: str
    began: int
    last: int = 0
    over: bool = False
