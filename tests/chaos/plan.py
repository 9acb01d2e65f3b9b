"""What is done to the service, and how often."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

API_SHARE: Final = 0.2
"""Of the kills, those that end the API."""


class Fault(StrEnum):
    """What happens to a running service."""

    KILL = "kill -9"
    """A worker, or the dispatcher, ends without a word."""
    KILL_API = "kill -9 of the API"
    """It does, with a submission in its hands."""
    STOP = "stop"
    """A worker hangs until its job was given to another, then goes on as if nothing had happened."""
    FLUSH = "flush"
    """Redis loses everything."""
    DATABASE_STOP = "database stop"
    """Postgres ends as if its machine had lost power."""
    STORE_OUTAGE = "store outage"
    """For some seconds the object store answers nobody."""


class StoreFault(StrEnum):
    """What becomes of one request to the object store."""

    REFUSED = "refused"
    """500 or 503, and nothing is done."""
    ANSWER_LOST = "answer lost"
    """It is done, and answered with a 500 or not at all."""
    ANSWER_CUT = "answer cut"
    """The body of the answer ends half way."""
    UPLOAD_CUT = "upload cut"
    """The connection ends while the body is being sent."""
    STALLED = "stalled"
    """It is done, later than whoever asked waits."""
    DOWN = "down"
    """It came during an outage."""


class Part(StrEnum):
    """What the promises rest on; without it the check has to fail."""

    FENCE = "fence"
    """The condition by which a stale write finds no row."""
    REAPER = "reaper"
    """The sweep that ends the leases of lost workers."""
    IDEMPOTENCY = "idempotency"
    """The API's memory of requests that it has answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run; the same seed gives the same jobs and the same order of faults."""

    seed: int
    jobs: int = 300
    kills: int = 30
    stops: int = 10
    flushes: int = 3
    database_stops: int = 2
    store_outages: int = 2
    store_faults: float = 0.02
    """Share of the requests to the object store that go wrong while it is up."""
    lost_answers: float = 0.05
    """Share of the API's answers that do not reach whoever asked."""
    workers: int = 3
    """Processes of the pool `process`; half as many ingest."""
    without: Part | None = None
    """What is taken away."""
    failpoints: bool = True
    """Whether a worker ends itself at every boundary between stages first."""
    freezes: int = 2
    """Workers that stop themselves with a finished result in their hands, until another has their job."""
    crashes: int = 0
    """Workers that end themselves with a job in their hands, besides those at failpoints."""
    device_losses: int = 1
    """Workers whose GPU fails."""
    outstanding: int = 12
    """Jobs that are under way at once; few, so that a job that runs again does not wait for others first."""
    lease_seconds: float = 3.0
    heartbeat_seconds: float = 0.5
    sweep_seconds: float = 0.5
    outage_seconds: float = 6.0
    """How long a store outage lasts: longer than most requests are repeated by the store's client itself."""
    stuck_seconds: float = 120.0
    """Without a job that ended, the run is over: some are lost, and the check will say which."""

    @property
    def ingesters(self) -> int:
        """Processes of the pool `ingest`."""
        return (self.workers + 1) // 2

    @property
    def api_kills(self) -> int:
        """Those among the kills that end the API."""
        return round(API_SHARE * self.kills)

    def faults(self) -> list[tuple[int, Fault]]:
        """Faults in order, each with the number of jobs that have ended by then: spread over the run."""
        kinds = [Fault.KILL] * (self.kills - self.api_kills) + [Fault.KILL_API] * self.api_kills
        kinds += [Fault.STOP] * self.stops + [Fault.FLUSH] * self.flushes
        kinds += [Fault.DATABASE_STOP] * self.database_stops + [Fault.STORE_OUTAGE] * self.store_outages
        random.Random(self.seed).shuffle(kinds)
        first, last = 0.08 * self.jobs, 0.9 * self.jobs
        step = (last - first) / max(1, len(kinds))
        return [(round(first + number * step), kind) for number, kind in enumerate(kinds)]
