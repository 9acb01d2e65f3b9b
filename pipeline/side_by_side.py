"""Parts of the work on one recording, at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from pipeline.device import begin_thread
from pipeline.futures import result_of
from pipeline.hooks import Hook
from pipeline.memory import spoils_its_thread

Left = TypeVar("Left")
Right = TypeVar("Right")
Item = TypeVar("Item")
Made = TypeVar("Made")


class _Ended(Exception):
    """The other part has failed, so that nobody waits for this one."""


class Part:
    """The hook of one of two parts: it ends where the other has failed."""

    def __init__(self, hook: Hook, failed: threading.Event) -> None:
        self._hook = hook
        self._failed = failed

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Report."""
        self.alive()
        self._hook(stage, done, total)

    def alive(self) -> None:
        """Have nothing to report; ends as a report does."""
        if self._failed.is_set():
            raise _Ended


def side_by_side(left: Callable[[Part], Left], right: Callable[[Part], Right], hook: Hook) -> tuple[Left, Right]:
    """Run `left` in a thread of its own and `right` in this one; each is given the hook to report to.

    The hook may be called by both at once. Where one part fails, or the hook ends it, the other ends at its next
    report. Where no thread can be had, `left` comes after `right`. Raises what the part that failed first has raised,
    or the other if that fails by itself before its next report.
    """
    failed = threading.Event()
    step = Part(hook, failed)

    def run(part: Callable[[Part], Made]) -> Made:
        try:
            return part(step)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(1, thread_name_prefix="side", initializer=begin_thread) as threads:
        try:
            other = threads.submit(copy_context().run, run, left)
        except RuntimeError:  # no memory for it, or a limit on their number
            mine = run(right)
            return run(left), mine
        try:
            try:
                mine = run(right)
            except _Ended:
                result_of(other)
                raise
            return result_of(other), mine
        except BaseException:  # an interrupt while this one waits, for instance
            failed.set()
            raise
        finally:
            del other  # an error holds on to this frame, which must not hold on to the error


def anew(make: Callable[[], Made]) -> Made:
    """Make something in this thread; where that computes nothing new any more, as memory ran out in it, in another.

    See `pipeline.memory.spoils_its_thread`.
    """
    return spread(lambda _: make(), [None], 1)[0]


def spread(make: Callable[[Item], Made], items: Sequence[Item], threads: int) -> list[Made]:
    """Make something of each item, of so many at the same time at most; what was made is in order.

    One at a time is made in the thread that calls; where that computes nothing new any more, as memory ran out in it
    (`pipeline.memory.spoils_its_thread`), once more in another. Raises what the first in order raises that fails, once
    all that have begun are done. Torch's inference mode is of a thread alone: it is for `make` to set.
    """
    threads = max(1, min(threads, len(items)))
    if threads == 1:
        try:
            return [make(item) for item in items]
        except RuntimeError as error:
            if not spoils_its_thread(error):
                raise
    begun = list[Future[Made]]()
    with ThreadPoolExecutor(threads, thread_name_prefix="spread", initializer=begin_thread) as pool:
        try:
            begun += (pool.submit(copy_context().run, make, item) for item in items)
            return list(map(result_of, begun))
        finally:
            while begun:  # an error holds on to this frame, which must not hold on to whose it is
                begun.pop().cancel()
