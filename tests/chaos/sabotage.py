"""Does to a running service what its plan says."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGQUIT, SIGSTOP
from typing import Final
from uuid import UUID

from redis import Redis
from sqlalchemy import Connection, select

from api.bootstrap import Service
from api.jobs.lease import Outcome
from api.states import JobState, Pool
from api.tables import attempts, jobs
from embedded.stores import Stores
from tests.chaos import recorder
from tests.chaos.crew import Crew, worker_name
from tests.chaos.database import insistently
from tests.chaos.observed import Death
from tests.chaos.plan import Fault, Plan
from tests.chaos.store_faults import StoreFaults
from tests.chaos.submission import Submitter

BUSY_SHARE: Final = 0.8
"""Of the processes that are killed, those that are at a job; the others are any, the dispatcher among them."""
MOST_CRASHES: Final = 1
"""A job that was lost more often is spared: the third time it would rightly be given up."""
ANY_CRASHES: Final = 1000
SUBMISSION_SECONDS: Final = 0.05
"""That the API is at a submission, about."""
LONGEST_STOP: Final = 5.0
"""Leases; a worker that nobody took a job from goes on after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A worker that does not move, and what it had when it stopped."""

    pid: int
    job: UUID | None
    fence: int | None
    since: float


class Saboteur:
    """Inflicts faults one by one, and lets stopped workers go on once their jobs were given to others."""

    def __init__(
        self, service: Service, stores: Stores, crew: Crew, plan: Plan, submitter: Submitter, objects: StoreFaults
    ) -> None:
        self._service = service
        self._stores = stores
        self._crew = crew
        self._plan = plan
        self._submitter = submitter
        self._objects = objects
        self._due = plan.faults()
        self._chance = random.Random(plan.seed + 1)
        self._stopped: dict[int, Stopped] = {}
        self.inflicted: Counter[Fault] = Counter()
        self.deaths: list[Death] = []
        self.outlived = 0
        """Stopped workers whose job was another's when they went on."""

    def act(self, ended: int) -> None:
        """Do what is due now that so many jobs have ended, if it can be done; what cannot is due still."""
        self._notice_frozen()
        self._thaw()
        if self._due and ended >= self._due[0][0] and self._inflict(self._due[0][1]):
            self.inflicted[self._due.pop(0)[1]] += 1

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not (self._due or self._stopped)

    def release(self) -> None:
        """Let all go on that are stopped, whatever has become of their jobs: the run is over."""
        self._notice_frozen()
        for pid in self._stopped:
            _signal(pid, SIGCONT)
        self._stopped.clear()

    def _inflict(self, fault: Fault) -> bool:
        match fault:
            case Fault.KILL:
                return self._kill()
            case Fault.KILL_API:
                return self._kill_api()
            case Fault.STOP:
                return self._stop()
            case Fault.FLUSH:
                with Redis.from_url(self._service.settings.redis_url.get_secret_value()) as redis:
                    redis.flushall()
            case Fault.DATABASE_STOP:
                os.kill(self._stores.supervisor.pids()["postgres"], SIGQUIT)
            case Fault.STORE_OUTAGE:
                self._objects.go_down(self._plan.outage_seconds)
        return True

    def _kill(self) -> bool:
        busy = self._busy(MOST_CRASHES)
        spared = (self._busy().keys() - busy.keys()) | self._stopped.keys()
        pool = [pid for pid in self._crew.pids().values() if pid not in spared and pid != self._crew.api()]
        if self._chance.random() < BUSY_SHARE:
            pool = sorted(busy)
        if not pool or not _signal(pid := self._chance.choice(pool), SIGKILL):
            return False
        self.deaths.append(Death(worker=worker_name(pid), at=time.time()))
        return True

    def _kill_api(self) -> bool:
        pid = self._crew.api()
        if pid is None or not self._submitter.under_way:
            return False
        # At any point of a submission, and not always right after it was sent.
        time.sleep(self._chance.uniform(0.0, SUBMISSION_SECONDS))
        return _signal(pid, SIGKILL)

    def _stop(self) -> bool:
        busy = self._busy(MOST_CRASHES)
        # Somebody has to be there to take the job over.
        able = [pid for pid in busy if any(pid in self._free(pool) and len(self._free(pool)) > 1 for pool in Pool)]
        if not able:
            return False
        pid = self._chance.choice(sorted(able))
        if _signal(pid, SIGSTOP):
            job, fence = self._at(pid) or (None, None)
            self._stopped[pid] = Stopped(pid=pid, job=job, fence=fence, since=time.monotonic())
        return True

    def _free(self, pool: Pool) -> list[int]:
        return [pid for pid in self._crew.workers(pool) if pid not in self._stopped]

    def _busy(self, most_crashes: int = ANY_CRASHES) -> dict[int, tuple[UUID, int]]:
        """Workers at jobs that were lost so often at most."""
        held = insistently(self._service, lambda connection: _held(connection, most_crashes))
        pids = self._crew.pids()
        return {pids[name]: job for name, job in held.items() if name in pids and pids[name] not in self._stopped}

    def _at(self, pid: int) -> tuple[UUID, int] | None:
        """What a worker is at, or was when its lease ended."""
        return insistently(self._service, lambda connection: _begun(connection, worker_name(pid)))

    def _notice_frozen(self) -> None:
        """Find workers that have stopped themselves."""
        for pid in self._crew.pids().values():
            if pid not in self._stopped and _is_stopped(pid):
                job, fence = self._at(pid) or (None, None)
                self._stopped[pid] = Stopped(pid=pid, job=job, fence=fence, since=time.monotonic())

    def _thaw(self) -> None:
        if not self._stopped:
            return
        asked = [one.job for one in self._stopped.values() if one.job is not None]
        now = insistently(self._service, lambda connection: recorder.fences(connection, asked))
        longest = LONGEST_STOP * self._plan.lease_seconds
        for one in list(self._stopped.values()):
            state, fence = now[one.job] if one.job is not None else (None, None)
            another_has_it = one.job is not None and fence != one.fence and state == JobState.RUNNING
            if another_has_it or time.monotonic() - one.since > longest:
                self.outlived += another_has_it
                _signal(one.pid, SIGCONT)
                del self._stopped[one.pid]


def _held(connection: Connection, most_crashes: int = ANY_CRASHES) -> dict[str, tuple[UUID, int]]:
    rows = connection.execute(
        select(jobs.c.lease_owner, jobs.c.id, jobs.c.fence).where(
            jobs.c.state == JobState.RUNNING, jobs.c.crash_count <= most_crashes
        )
    )
    return {row.lease_owner: (row.id, row.fence) for row in rows}


def _begun(connection: Connection, worker: str) -> tuple[UUID, int] | None:
    latest = select(attempts).where(attempts.c.worker == worker).order_by(attempts.c.fence.desc()).limit(1)
    row = connection.execute(latest).one_or_none()
    return (row.job_id, row.fence) if row is not None and row.outcome in (None, Outcome.LOST) else None


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"
    except (FileNotFoundError, ProcessLookupError):
        return False
