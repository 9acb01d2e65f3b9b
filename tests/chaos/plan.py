"""What is done to the service, and how often."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What happens to a running service."""

    KILL = "kill -9"
    """A worker, or the dispatcher, ends without a word."""
    STOP = "stop"
    """A worker hangs until its job was given to another, then goes on as if nothing had happened."""
    FLUSH = "flush"
    """Redis loses everything."""
    DATABASE_STOP = "database stop"
    """Postgres ends as if its machine had lost power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run; the same seed gives the same jobs and the same order of faults."""

    seed: int
    jobs: int = 300
    kills: int = 30
    stops: int = 10
    flushes: int = 3
    database_stops: int = 2
    workers: int = 3
    """Processes of the pool `process`; half as many ingest."""
    fenced: bool = True
    """Whether the condition that makes stale writes find nothing is in force; without it the check has to fail."""
    failpoints: bool = True
    """Whether a worker ends itself at every boundary between stages first."""
    freezes: int = 2
    """Workers that stop themselves with a finished result in their hands, until another has their job."""
    outstanding: int = 12
    """Jobs that are under way at once; few, so that a job that runs again does not wait for others first."""
    lease_seconds: float = 3.0
    heartbeat_seconds: float = 0.5
    sweep_seconds: float = 0.5

    @property
    def ingesters(self) -> int:
        """Processes of the pool `ingest`."""
        return (self.workers + 1) // 2

    def faults(self) -> list[tuple[int, Fault]]:
        """Faults in order, each with the number of jobs that have ended by then: spread over the run."""
        kinds = [Fault.KILL] * self.kills + [Fault.STOP] * self.stops
        kinds += [Fault.FLUSH] * self.flushes + [Fault.DATABASE_STOP] * self.database_stops
        random.Random(self.seed).shuffle(kinds)
        first, last = 0.08 * self.jobs, 0.9 * self.jobs
        step = (last - first) / max(1, len(kinds))
        return [(round(first + number * step), kind) for number, kind in enumerate(kinds)]
