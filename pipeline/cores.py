"""How many cores there are."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

MOST_THREADS: Final = 8
"""Batches of a recording that are at work at the same time, unless said: each takes 50 to 120 MB."""


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may use: those it may run on, or as many as its container's share of time amounts to.

    `root` holds /sys. A share of one and a half counts as two.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, _share(root / "sys/fs/cgroup"))))


def default_threads() -> int:
    """CPU threads for one recording, where nobody says how many."""
    return min(MOST_THREADS, usable_cores())


def _share(groups: Path) -> float:
    """Cores' worth of time that the container may take in a period; without a limit, infinite."""
    with suppress(OSError, ValueError):
        quota, period = (groups / "cpu.max").read_text(encoding="ascii").split()
        return math.inf if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota, period = (
            (groups / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
        )
        return math.inf if int(quota) < 0 else int(quota) / int(period)
    return math.inf
