"""What other threads make, and waiting for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Final, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

LOOK: Final = 0.2
"""Seconds between two looks at whether this thread was interrupted."""


def result_of(other: Future[Made]) -> Made:
    """Wait for what the other thread makes; raises what it raises.

    Not in one go: an interrupt that comes as this thread falls asleep does not wake it.
    """
    try:
        while not wait([other], LOOK).done:
            pass
        return other.result()
    finally:
        # An error holds on to this frame, which must not hold on to the error: with it goes what was allocated.
        del other


def spread(make: Callable[[Item], Made], items: Sequence[Item], threads: int) -> list[Made]:
    """Make something of each item, of so many at the same time at most; what was made is in order.

    Raises what the first in order raises that fails, once all that have begun are done. What torch keeps for each
    thread, such as inference mode, is for `make` to set.
    """
    threads = min(threads, len(items))
    if threads <= 1:
        return [make(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="spread") as pool:
        begun = [pool.submit(copy_context().run, make, item) for item in items]
        try:
            return list(map(result_of, begun))
        finally:
            while begun:  # as above: an error holds on to this frame, which must not hold on to whose it is
                begun.pop().cancel()
