"""Waiting for what another thread makes."""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import Final, TypeVar

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
