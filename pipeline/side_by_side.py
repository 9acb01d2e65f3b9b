"""Two parts of the work on one recording, at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from pipeline.futures import result_of
from pipeline.hooks import Hook

Left = TypeVar("Left")
Right = TypeVar("Right")
Part = TypeVar("Part")


class _Ended(Exception):
    """The other part has failed, so that nobody waits for this one."""


def side_by_side(left: Callable[[Hook], Left], right: Callable[[Hook], Right], hook: Hook) -> tuple[Left, Right]:
    """Run `left` in a thread of its own and `right` in this one; each is given the hook to report to.

    The hook is called by one of them at a time. Where one part fails, or the hook ends it, the other ends at its next
    report. Raises what the part that failed first has raised.
    """
    failed, turn = threading.Event(), threading.Lock()

    def step(stage: str, done: float, total: float) -> None:
        with turn:
            if failed.is_set():
                raise _Ended
            hook(stage, done, total)

    def run(part: Callable[[Hook], Part]) -> Part:
        try:
            return part(step)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(1, thread_name_prefix="side") as threads:
        other = threads.submit(copy_context().run, run, left)
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
