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
JOB_BYTES: Final = 250_000_000
"""What any recording takes, however short: batches of the networks, the distances of its clustering."""
HOUR_BYTES: Final = 60_000_000
"""What an hour takes beside its samples: 20 MB of segmentation, 6 of embeddings, the rest time lines and words."""
SHARE: Final = 0.8
"""Of the memory that is free, what recordings may take: forecasts are no promises."""


def job_bytes(seconds: float, channels: int) -> int:
    """Forecast of the memory that a recording takes beside the loaded models, while it is transcribed.

    All channels are held, and where they are mixed, their mixture. See `make bench-growth` for what it was measured to
    be.
    """
    held = channels + (1 if channels > 1 else 0)
    return round(JOB_BYTES + seconds / HOUR * HOUR_BYTES + seconds * SAMPLE_RATE * SAMPLE_BYTES * held)


@dataclass(eq=False)
class _Waiting:
    """Somebody who needs memory."""

    wanted: int
    urgent: bool


class MemoryBudget:
    """Lets recordings begin while all that are at work fit into so many bytes; the others wait, urgent ones in front.

    Nobody overtakes one that is as urgent and came before: a long recording gets its turn. One that does not fit at all
    runs when it has everything to itself.
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
        one = _Waiting(wanted, urgent)
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
                self._taken -= wanted
                self._changed.notify_all()

    def _granted(self, one: _Waiting) -> bool:
        """Take the bytes if it is one's turn; else wait a little."""
        with self._changed:
            fits = self.total is None or not self._taken or self._taken + one.wanted <= self.total
            if fits and self._queue[0] is one:
                self._taken += one.wanted
                return True
            self._changed.wait(LOOK)
            return False


def free_bytes() -> int | None:
    """Memory that this process may still take: of its container, or of the machine. None where the system won't say."""
    machine = _number(Path("/proc/meminfo"), r"^MemAvailable:\s+(\d+) kB")
    container = _number(Path("/sys/fs/cgroup/memory.max"), r"^(\d+)$")
    used = _number(Path("/sys/fs/cgroup/memory.current"), r"^(\d+)$")
    found = [] if machine is None else [1024 * machine]
    if container is not None and used is not None:
        found.append(max(0, container - used))
    return min(found, default=None)


def _number(path: Path, pattern: str) -> int | None:
    try:
        found = re.search(pattern, path.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
