"""How much a tenant may ask for: requests a minute, and jobs that wait."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, func, select, union_all

from api.errors import QueueQuotaExceeded, RateLimited
from api.jobs.transition import is_in
from api.states import JobState
from api.tables import jobs

COUNTED_EVERY: Final = 2.0
"""Seconds. Counting 100,000 waiting jobs takes some 20 ms, too long to be part of every submission."""
MARGIN: Final = 1000
"""Jobs. So close to its quota a tenant's are counted with every submission, one submission after the other."""
QUEUE_RETRY_SECONDS: Final = 30.0
_MOST_TENANTS: Final = 10_000


class RateLimiter:
    """A bucket of a minute's requests for each tenant, in this process: several processes allow as many times more."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._buckets: dict[UUID, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, tenant_id: UUID, per_minute: int) -> None:
        """Count a request; raises `RateLimited` where there are none left."""
        now, rate = self._clock(), per_minute / 60.0
        with self._lock:
            if len(self._buckets) >= _MOST_TENANTS:
                self._buckets.clear()
            left, since = self._buckets.get(tenant_id, (float(per_minute), now))
            left = min(float(per_minute), left + (now - since) * rate)
            self._buckets[tenant_id] = (left - 1.0 if left >= 1.0 else left, now)
        if left < 1.0:
            message = f"more than {per_minute} requests a minute; slow down"
            raise RateLimited(message, retry_after=(1.0 - left) / rate if rate else 60.0)


class QueueQuota:
    """Holds tenants to their number of waiting jobs.

    Far from the quota a count of a moment ago serves. Near it the jobs are counted anew under a lock of the tenant's,
    so that no two submissions pass for one.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._counts: dict[UUID, tuple[int, float]] = {}

    def check(self, connection: Connection, tenant_id: UUID, max_queued: int) -> None:
        """Let one more job wait; raises `QueueQuotaExceeded`."""
        count, since = self._counts.get(tenant_id, (max_queued, self._clock()))
        if count + MARGIN < max_queued and self._clock() - since < COUNTED_EVERY:
            self._counts[tenant_id] = (count + 1, since)
            return
        if max_queued - MARGIN <= count:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(tenant_id), 0))))
        count = _waiting(connection, tenant_id, max_queued)
        if len(self._counts) >= _MOST_TENANTS:
            self._counts.clear()
        self._counts[tenant_id] = (count, self._clock())
        if count >= max_queued:
            message = (
                f"{max_queued} jobs wait already, which is the limit of this tenant; submit more when some are done"
            )
            raise QueueQuotaExceeded(message, retry_after=QUEUE_RETRY_SECONDS)


def _waiting(connection: Connection, tenant_id: UUID, at_most: int) -> int:
    # By way of the partial indexes, one each: a tenant may have millions of ended jobs.
    kinds = (
        is_in(JobState.QUEUED, "jobs.admitted_at IS NULL"),
        is_in(JobState.QUEUED, "jobs.admitted_at IS NOT NULL"),
        is_in(JobState.AWAITING_UPLOAD),
    )
    found = [select(jobs.c.id).where(jobs.c.tenant_id == tenant_id, kind).limit(at_most).subquery() for kind in kinds]
    some = union_all(*(select(one) for one in found)).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()
