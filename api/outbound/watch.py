"""How long one exchange may take, and how slowly its body may come."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds from some fixed moment, never going back."""


class OutOfTime(Exception):
    """The time for the exchange is used up."""


class BodyTooSlow(Exception):
    """Fewer bytes came than the least speed asks for."""


class Watch:
    """The deadline of one exchange. It runs from the start, over every redirect, and can be moved."""

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._deadline = self._start + seconds
        self._gauge: SpeedGauge | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def now(self) -> float:
        """The clock's time, in seconds."""
        return self._clock()

    def end_at(self, seconds: float) -> None:
        """Move the deadline to so many seconds after the start."""
        self._deadline = self._start + seconds

    def measure(self, gauge: SpeedGauge) -> None:
        """Hold what comes from now on to a least speed."""
        self._gauge = gauge

    def allowed(self, timeout: float | None) -> float:
        """Seconds the next operation may take: its own time-out, or what is left.

        Raises:
            OutOfTime: nothing is left.
        """
        left = self._deadline - self._clock()
        if left <= 0:
            raise OutOfTime
        return left if timeout is None else min(timeout, left)

    def received(self, size: int, waited: float) -> None:
        """Take note of bytes that came after so many seconds of waiting.

        Raises:
            BodyTooSlow: too few have come.
        """
        if self._gauge is not None:
            self._gauge.add(size, waited)


class SpeedGauge:
    """Bytes per second over windows of waiting.

    Only time spent waiting for the other side counts: a slow disk here does not make the sender slow.
    """

    def __init__(self, *, least: float, window: float) -> None:
        """Ask for `least` bytes a second over every `window` seconds."""
        self._least = least
        self._window = window
        self._waited = 0.0
        self._size = 0

    def add(self, size: int, waited: float) -> None:
        """Count bytes and the seconds they were waited for.

        Raises:
            BodyTooSlow: a window is full and too few bytes came in it.
        """
        self._waited += waited
        self._size += size
        if self._waited < self._window:
            return
        if self._size < self._least * self._waited:
            raise BodyTooSlow
        self._waited, self._size = 0.0, 0
