"""How much memory a recording will take, and who may begin: what is at work together has to fit."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.turnstile import LOOK, nobody_asks
from pipeline.waveform import SAMPLE_RATE

HOUR: Final = 3600.0
SAMPLE_BYTES: Final = 2
JOB_BYTES: Final = 400_000_000
"""What any recording takes: batches of the networks, the distances of its clustering, 340 MB in float32; encodings."""
THREAD_BYTES: Final = 100_000_000
"""What each thread of a job takes beyond the first: another batch. 50 to 80 MB in bfloat16, 120 in float32."""
HOUR_BYTES: Final = 60_000_000
"""What an hour takes beside its samples: 20 MB of segmentation, 6 of embeddings, the rest time lines and words."""
WARM_BYTES: Final = 450_000_000
"""What a process takes once it has worked for the first time, and keeps: plans of the networks' layers, the aligner."""
SHARE: Final = 0.8
"""Of the memory that is free, what recordings may take: forecasts are no promises."""
FOR_ALL: Final = 0.9
"""Of the budget, what recordings may take that are not urgent: a short urgent one fits beside the longest of them."""


def job_bytes(seconds: float, channels: int, threads: int = 1) -> int:
    """Forecast of the memory that a recording takes beside the loaded models, while it is transcribed.

    All channels are held, and where they are mixed, their mixture. See `make bench-growth` for what it was measured to
    be.
    """
    held = channels + (1 if channels > 1 else 0)
    batches = JOB_BYTES + (threads - 1) * THREAD_BYTES
    return round(batches + seconds / HOUR * HOUR_BYTES + seconds * SAMPLE_RATE * SAMPLE_BYTES * held)


@dataclass(eq=False)
class _Waiting:
    """Somebody who needs memory."""

    wanted: int
    urgent: bool


class MemoryBudget:
    """Lets recordings begin while all that are at work fit into so many bytes; the others wait, urgent ones in front.

    A tenth is for urgent ones alone. Nobody overtakes one that is as urgent and came before: a long recording gets its
    turn. One that does not fit at all runs when it has everything that it may have.
    """

    def __init__(self, total: int | None) -> None:
        """Share `total` bytes; None: there is enough for everybody."""
        self.total = total
        self._changed = threading.Condition()
        self._taken = 0
        self._queue: list[_Waiting] = []

    @contextmanager
    def reserved(self, wanted: int, *, urgent: bool = False, alive: Callable[[], None] = nobody_asks) -> Iterator[None]:
        """Hold so many bytes, as soon as they are free. Calls `alive` while it waits; raises what that raises."""
        most = self._most(urgent=urgent)
        one = _Waiting(wanted if most is None else min(wanted, most), urgent)
        with self._changed:
            self._queue.append(one)
            self._queue.sort(key=lambda each: not each.urgent)  # stable: in the order in which they came
        try:
            while not self._granted(one):
                alive()
        finally:
            with self._changed:
                self._queue.remove(one)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= one.wanted
                self._changed.notify_all()

    def _most(self, *, urgent: bool) -> int | None:
        """What one that is urgent, or is not, may bring all together to."""
        return self.total if urgent or self.total is None else round(FOR_ALL * self.total)

    def _granted(self, one: _Waiting) -> bool:
        """Take the bytes if it is one's turn; else wait a little."""
        with self._changed:
            most = self._most(urgent=one.urgent)
            if (most is None or self._taken + one.wanted <= most) and self._queue[0] is one:
                self._taken += one.wanted
                return True
            self._changed.wait(LOOK)
            return False


def budget_bytes() -> int | None:
    """What recordings may take together by default: most of what is free once a process has worked."""
    free = free_bytes()
    return None if free is None else max(1, round(SHARE * (free - WARM_BYTES)))


def free_bytes(root: Path = Path("/")) -> int | None:
    """Memory that this process may still take: of its container, or of the machine. None where the system won't say.

    Cached files count as free: the system lets go of them. `root` holds /proc and /sys.
    """
    groups = root / "sys/fs/cgroup"
    machine = _number(root / "proc/meminfo", r"^MemAvailable:\s+(\d+) kB")
    found = [] if machine is None else [1024 * machine]
    for limit, used, cached in (
        (groups / "memory.max", groups / "memory.current", (groups / "memory.stat", "inactive_file")),
        (
            groups / "memory/memory.limit_in_bytes",
            groups / "memory/memory.usage_in_bytes",
            (groups / "memory/memory.stat", "total_inactive_file"),
        ),
    ):
        most, taken = _number(limit, r"^(\d+)$"), _number(used, r"^(\d+)$")
        if most is not None and taken is not None:
            found.append(max(0, most - taken + (_number(cached[0], rf"^{cached[1]} (\d+)$") or 0)))
    return min(found, default=None)


def _number(path: Path, pattern: str) -> int | None:
    try:
        found = re.search(pattern, path.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
