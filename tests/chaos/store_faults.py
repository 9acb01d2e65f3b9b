"""Which requests to the object store go wrong, and how: drawn one by one from a seeded lot."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from tests.chaos.plan import StoreFault

LASTING_SHARE: Final = 0.3
LASTING_REQUESTS: Final = 4
"""As many tries as the store's client makes by itself: whoever uses it notices only what lasts so long."""
_ANY: Final = (StoreFault.REFUSED, StoreFault.ANSWER_LOST, StoreFault.STALLED)
_POSSIBLE: Final[Mapping[str, tuple[StoreFault, ...]]] = {
    "GET": (*_ANY, StoreFault.ANSWER_CUT),
    "PUT": (*_ANY, StoreFault.UPLOAD_CUT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """From when to when nobody was answered; seconds since 1970."""

    begin: float
    end: float


class StoreFaults:
    """Asked by several threads. Counts what it has decided."""

    def __init__(self, seed: int, share: float) -> None:
        self._chance = random.Random(seed)
        self._share = share
        self._next: dict[str, list[StoreFault]] = {}
        self._lasting: dict[str, tuple[StoreFault, int]] = {}
        self._lock = Lock()
        self.inflicted: Counter[StoreFault] = Counter()
        self.outages: list[Outage] = []

    def go_down(self, seconds: float) -> None:
        """Let nobody be answered for some time from now."""
        now = time.time()
        with self._lock:
            self.outages.append(Outage(begin=now, end=now + seconds))

    def fate(self, method: str, path: str) -> StoreFault | None:
        """What becomes of a request; None where it is done and answered."""
        with self._lock:
            fault = StoreFault.DOWN if self._is_down() else self._drawn(method, path)
            if fault is not None:
                self.inflicted[fault] += 1
            return fault

    def toss(self) -> bool:
        """Choose between two ways of the same fault."""
        with self._lock:
            return self._chance.random() < 0.5

    def _is_down(self) -> bool:
        return bool(self.outages) and time.time() < self.outages[-1].end

    def _drawn(self, method: str, path: str) -> StoreFault | None:
        again = self._lasting.pop(f"{method} {path}", None)
        if again is not None:
            fault, left = again
        elif self._chance.random() < self._share:
            fault = self._kind(method)
            left = LASTING_REQUESTS if self._chance.random() < LASTING_SHARE else 1
        else:
            return None
        if left > 1:
            self._lasting[f"{method} {path}"] = (fault, left - 1)
        return fault

    def _kind(self, method: str) -> StoreFault:
        """One of those that are possible; none again before all others have had their turn."""
        kinds = self._next.setdefault(method, [])
        if not kinds:
            kinds += _POSSIBLE.get(method, _ANY)
            self._chance.shuffle(kinds)
        return kinds.pop()
