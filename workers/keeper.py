"""Keeps a lease while its work runs, and tells the work when to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import structlog

from api.db import Database
from api.errors import JobCancelled, OwnershipLost, TemporarilyUnavailable
from api.jobs.lease import Claim, Hold, heartbeat
from api.logging import where
from pipeline.errors import HansardError
from workers.metrics import HEARTBEATS_FAILED
from workers.progress import Progress

log = structlog.get_logger()

TOLD_EVERY: Final = 1.0
"""Seconds between two writes of progress, for those who watch."""


class WorkerStopping(HansardError):
    """The worker was told to stop; the job goes back to the queue as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a keeper does what."""

    lease: timedelta
    heartbeat: timedelta
    patience: timedelta
    """Without a report for so long, the work is believed to hang."""


@dataclass(slots=True)
class _Told:
    """What the work reported last, and what of it the database knows."""

    reached: Progress = field(default_factory=Progress)
    stage: str | None = None
    fraction: float = 0.0
    at: float = field(default_factory=time.monotonic)
    told: float = -1.0


class Keeper:
    """Sends heartbeats from a thread of its own, for as long as it is entered.

    It is also the work's `pipeline.hooks.Hook`, for all its threads: each report of progress is where the work is
    stopped when the job was cancelled, the worker is to stop, or the lease is lost.
    """

    def __init__(
        self,
        database: Database,
        held: Claim,
        rhythm: Rhythm,
        stopping: threading.Event,
        hung: Callable[[Claim], None],
    ) -> None:
        self._database = database
        self._held = held
        self._rhythm = rhythm
        self._stopping = stopping
        self._hung = hung
        self._progress = _Told()
        self._reporting = threading.Lock()
        self._end: HansardError | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(
            # In a copy of the work's context: the log tells whose heartbeats these are.
            target=copy_context().run,
            args=(self._run,),
            name=f"keeper-{held.job_id}",
            daemon=True,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Note progress.

        Raises:
            OwnershipLost, JobCancelled, WorkerStopping: the work ends here.
        """
        with self._reporting:
            self._progress.at = time.monotonic()
            self._progress.stage = stage
            self._progress.fraction = self._progress.reached.report(stage, done, total)
        self.check()

    def alive(self) -> None:
        """Note that the work does not hang, though it has no progress to report; raises as a report does."""
        self._progress.at = time.monotonic()
        self.check()

    def check(self) -> None:
        """Raise as a report of progress does, without one."""
        if self._end is not None:
            raise self._end
        if self._stopping.is_set():
            raise WorkerStopping

    def _run(self) -> None:
        beaten = time.monotonic()
        wait = min(TOLD_EVERY, self._rhythm.heartbeat.total_seconds())
        while not self._over.wait(wait):
            now = time.monotonic()
            if now - self._progress.at > self._rhythm.patience.total_seconds():
                self._hung(self._held)
            news = self._progress.fraction > self._progress.told
            if not news and now - beaten < self._rhythm.heartbeat.total_seconds():
                continue
            if self._tried(now - beaten):
                beaten = now
            if self._end is not None:
                return

    def _tried(self, since: float) -> bool:
        """Send one heartbeat, and outlive whatever comes of it: without this thread nobody notices a hang."""
        try:
            return self._beat(since)
        except Exception as error:  # noqa: BLE001
            HEARTBEATS_FAILED.labels(self._held.pool).inc()
            log.error("heartbeat.surprised", error=type(error).__name__, where=where(error))  # noqa: TRY400
            return False

    def _beat(self, since: float) -> bool:
        """Send one heartbeat; False where the database does not answer."""
        stage, reached = self._progress.stage, self._progress.fraction
        try:
            with self._database.system() as connection:
                hold = heartbeat(connection, self._held, self._rhythm.lease, stage, reached)
        except OwnershipLost as lost:
            self._end = lost
        except TemporarilyUnavailable:
            # Whether the lease has been given to another, the fence will tell when there is something to write.
            HEARTBEATS_FAILED.labels(self._held.pool).inc()
            log.warning("heartbeat.failed", seconds=round(since, 1))
            return False
        else:
            self._progress.told = reached
            if hold is Hold.CANCEL:
                self._end = JobCancelled()
        return True
