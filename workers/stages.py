"""How long stages take, in metrics and traces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    nothing of traces. Stages that come once a channel have a span for each. How long stages take is in the metrics by
    the pipeline's own clock.
    """

    def __init__(self, hook: Hook, clock: Callable[[], int] = time.time_ns) -> None:
        self._hook = hook
        self._clock = clock
        self._stage: str | None = None
        self._over = False

    def __enter__(self) -> Self:
        self._parent = tracing.traceparent()
        self._began = self._last = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not self._over:
            self._last = self._clock()
            self._end(error)
        else:
            self._end(None)

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Hear a report; raises what the hook behind it raises."""
        if stage != self._stage:
            self._end(None)
            self._stage, self._began = stage, self._last
        self._last, self._over = self._clock(), done >= total
        self._hook(stage, done, total)

    def _end(self, error: BaseException | None) -> None:
        if self._stage is not None and self._parent is not None:
            name = f"stage.{self._stage}"
            tracing.record(name, self._began, self._last, parent=self._parent, error=error, stage=self._stage)
