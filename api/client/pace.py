"""When a request that failed is made again: a pure decision, and the clock that it is made by."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api.client.errors import ApiError, Unreachable

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 8.0
"""Seconds, where the service does not say when to come again."""
CONNECTION_TRIES: Final = 4
"""Some 2 s in all: a server that restarts is met again, one that is down is told soon."""
_BUSY: Final = frozenset({429, 503})
"""The service did nothing."""
_GATEWAY: Final = frozenset({502, 504})
"""A proxy does not know what the service did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a client goes on."""

    patience: float = 60.0
    """Seconds that a busy service is given from its first refusal on, all tries together."""
    outage: float = 300.0
    """Seconds that a service may be away while a job is followed."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    """From 0 to 1: clients that failed together do not come again together."""

    def pause(self, attempt: int) -> float:
        """Seconds before the try after the `attempt`-th."""
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1)) * (0.5 + self.chance() / 2)

    def retry(self, error: Exception, *, attempt: int, waited: float, idempotent: bool) -> float | None:
        """Seconds until the request is made again, or None where it is not.

        A request that may have arrived is repeated only where that does no harm.
        """
        if isinstance(error, Unreachable):
            again = (idempotent or not error.sent) and attempt < CONNECTION_TRIES
            return self.pause(attempt) if again else None
        if not isinstance(error, ApiError) or not _passes(error, idempotent=idempotent):
            return None
        pause = self.pause(attempt) if error.retry_after is None else error.retry_after
        return pause if waited + pause <= self.patience else None


def _passes(error: ApiError, *, idempotent: bool) -> bool:
    if error.status in _BUSY or error.slug == "request-in-progress":
        return True
    return idempotent and error.status in _GATEWAY
