"""Waiting for what has to happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 60.0
"""Seconds, on a machine that is busy."""
Found = TypeVar("Found")


def until(look: Callable[[], Found | None], patience: float = PATIENCE) -> Found:
    """Look again and again, and give the first thing found that is not empty, 0 or None."""
    end = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > end:
            message = f"this did not happen within {patience:.0f} s: {look.__qualname__}"
            raise AssertionError(message)
        time.sleep(0.05)
    return found
