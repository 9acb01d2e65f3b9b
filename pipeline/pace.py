"""How the work on a recording goes along with the other work of its process, and its parts with each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

from pipeline.hooks import Hook
from pipeline.side_by_side import side_by_side

Left = TypeVar("Left")
Right = TypeVar("Right")


class Pace(Protocol):
    """Of one recording. Called from every thread that works on it, about that thread's part of the work."""

    @property
    def overlaps(self) -> bool:
        """Whether parts of the work may be done at the same time."""

    def step(self) -> None:
        """Called after each report of progress: others may be let go first."""

    def away(self) -> AbstractContextManager[None]:
        """Around what is no computing: others may compute meanwhile."""

    def together(self, left: Callable[[Hook], Left], right: Callable[[Hook], Right], hook: Hook) -> tuple[Left, Right]:
        """Do both parts, `left` in a thread of its own, each with the hook to report to.

        Raises what the part that failed first has raised.
        """


class Alone:
    """Nobody else is there. `overlaps`: parts are done side by side, for as many threads as there are."""

    def __init__(self, *, overlaps: bool = False) -> None:
        self.overlaps = overlaps

    def step(self) -> None:
        """Go on."""

    def away(self) -> AbstractContextManager[None]:
        """Nothing is different."""
        return nullcontext()

    def together(self, left: Callable[[Hook], Left], right: Callable[[Hook], Right], hook: Hook) -> tuple[Left, Right]:
        """Do both at once."""
        return side_by_side(left, right, hook)


class Reports:
    """Reports of all parts, one at a time, each with a step of the pace behind it, which may take long."""

    def __init__(self, hook: Hook, pace: Pace) -> None:
        self._hook = hook
        self._pace = pace
        self._turn = threading.Lock()

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Pass it on."""
        with self._turn:
            self._hook(stage, done, total)
        self._pace.step()
