"""Queue and bookkeeping: a job through both pools, its stages empty, beside a bare Celery task."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from uuid import UUID, uuid4

from redis import Redis
from sqlalchemy import insert, select

from api.bootstrap import Service
from api.jobs.admission import admit
from api.queue import celery_app
from api.states import JobState, Pool, Priority
from api.tables import jobs, recordings, tenants
from benchmarks.service.idle_worker import BARE, BARE_TASK, answer_key

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1

_RECORDING = insert(recordings).returning(recordings.c.id)
_JOB = insert(jobs).returning(jobs.c.id)


class Overhead:
    """Both contestants, on the same servers."""

    def __init__(self, service: Service) -> None:
        self._service = service
        url = service.settings.redis_url.get_secret_value()
        self._app, self._redis = celery_app(url), Redis.from_url(url, socket_timeout=None)
        with service.database.system() as connection:
            self._tenant: UUID = connection.execute(select(tenants.c.id).limit(1)).scalar_one()

    def bare(self) -> float:
        """Seconds from sending a bare task to its answer."""
        number, began = uuid4().hex, time.perf_counter()
        self._app.send_task(BARE_TASK, args=[number], queue=BARE)
        self._await(number)
        return time.perf_counter() - began

    def job(self) -> float:
        """Seconds from the first row of a job to its last."""
        began = time.perf_counter()
        self._await(self._submit())
        return time.perf_counter() - began

    def many(self, number: int) -> float:
        """Jobs a second, of a number that are submitted at once."""
        submitted = [self._submit(send=False) for _ in range(number)]
        began = time.perf_counter()
        self._send()
        for job in submitted:
            self._await(job)
        return number / (time.perf_counter() - began)

    def _submit(self, *, send: bool = True) -> UUID:
        with self._service.database.tenant(self._tenant) as connection:
            row = {"tenant_id": self._tenant, "name": "empty", "source_kind": "upload"}
            recording = connection.execute(_RECORDING, row).scalar_one()
            work = {
                "tenant_id": self._tenant,
                "recording_id": recording,
                "state": JobState.QUEUED,
                "pool": Pool.INGEST,
                "priority": Priority.INTERACTIVE,
            }
            job: UUID = connection.execute(_JOB, work).scalar_one()
        if send:
            self._send()
        return job

    def _send(self) -> None:
        admit(self._service.database, self._service.queue, [Pool.INGEST], self._service.settings.window)

    def _await(self, asked: object) -> None:
        if self._redis.blpop([answer_key(asked)], timeout=int(PATIENCE_SECONDS)) is None:
            message = f"{asked} was not answered"
            raise TimeoutError(message)


def medians(contestants: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant, in turns; the first of each is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, run in contestants.items():
            # What the one before has left to do after its answer is not the next one's.
            time.sleep(PAUSE_SECONDS)
            taken = run()
            if number:
                seconds[name].append(taken)
    return seconds


def shown(seconds: dict[str, list[float]], reference: str) -> list[str]:
    """A line each: median, 99th percentile, ratio to the reference round by round."""
    lines = []
    for name, taken in seconds.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(taken, seconds[reference], strict=True))
        last = sorted(taken)[int(0.99 * (len(taken) - 1))]
        lines.append(f"{name:<28} {1000 * statistics.median(taken):8.1f} ms  p99 {1000 * last:8.1f} ms  {ratio:6.2f}x")
    return lines
