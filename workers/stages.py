"""How long stages take, in metrics and traces."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from api import tracing
from pipeline.hooks import Hook
from workers.metrics import STAGE_SECONDS
from workers.progress import side_of


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a stage of the worker's own."""
    with tracing.span(f"stage.{name}", stage=name), STAGE_SECONDS.labels(name).time():
        yield


class StageSpans:
    """Makes spans of the pipeline's stages out of what they report, and passes the reports on.

    A stage is taken to begin where its thread's report before its first one came (in a thread that had none, anybody's)
    and to end with its last: the pipeline knows nothing of traces. Stages that come once a channel have a span for
    each. Voices and words may be at work at the same time; an error is noted at each stage that was under way. How long
    stages take is in the metrics by the pipeline's own clock.
    """

    def __init__(self, hook: Hook, clock: Callable[[], int] = time.time_ns) -> None:
        self._hook = hook
        self._clock = clock
        self._going: dict[int | None, _Going] = {}
        # By the side it belongs to.
        self._lasts: dict[int, int] = {}
        # Time of the last report of each thread that is at work on this channel.

    def __enter__(self) -> Self:
        self._parent = tracing.traceparent()
        self._last = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for going in self._going.values():
            if error is None or going.over:
                self._end(going)
            else:
                self._end(replace(going, last=self._clock()), error)

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Hear a report, one at a time; raises what the hook behind it raises."""
        side, thread = side_of(stage), threading.get_ident()
        going = self._going.get(side)
        if going is None or going.stage != stage:
            # What comes before or after both sides is alone.
            for ended in list(self._going) if side is None else (side, None):
                if ended in self._going:
                    self._end(self._going.pop(ended))
            going = self._going[side] = _Going(stage, self._lasts.get(thread, self._last))
        if side is None:
            self._lasts.clear()
        self._last = self._lasts[thread] = going.last = self._clock()
        going.over = done >= total
        self._hook(stage, done, total)

    def _end(self, going: _Going, error: BaseException | None = None) -> None:
        if self._parent is not None:
            name = f"stage.{going.stage}"
            tracing.record(name, going.began, going.last, parent=self._parent, error=error, stage=going.stage)


@dataclass(slots=True)
class _Going:
    """A stage that is under way."""

    stage: str
    began: int
    last: int = 0
    over: bool = False
