"""Who goes next. Jobs wait in Postgres, where their order can change; Redis holds a shallow window of each pool.

Interactive jobs go before backfill, backfill older than six hours counts as interactive, and among tenants the one
with the least audio in flight for its weight goes first. Admitted and not yet taken counts as in flight.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, func, select, text, true, update

from api.db import Database
from api.errors import TemporarilyUnavailable
from api.jobs.transition import NOW, is_in
from api.queue import Queue
from api.states import JobState, Pool
from api.tables import jobs

PROMOTED_AFTER: Final = timedelta(hours=6)
LOST_AFTER: Final = timedelta(seconds=5)
"""A message that nobody took for so long is believed lost, unless it may still be in line."""
LEAST_SECONDS: Final = 10.0
"""A job counts as at least so much audio: short ones cost their overhead, and how long one is shows only later."""

_NEXT = text(
    """
    WITH load AS (
        SELECT tenant_id, sum(greatest(audio_seconds, :least)) AS seconds
        FROM jobs
        WHERE pool = :pool AND (state = 'running' OR (state = 'queued' AND admitted_at IS NOT NULL))
        GROUP BY tenant_id
    ),
    candidates AS (
        SELECT waiting.*, tenant.weight, coalesce(load.seconds, 0) AS loaded
        FROM tenants tenant
        LEFT JOIN load ON load.tenant_id = tenant.id
        CROSS JOIN (VALUES ('interactive'), ('backfill')) AS kind (priority)
        CROSS JOIN LATERAL (
            SELECT job.id, job.tenant_id, greatest(job.audio_seconds, :least) AS seconds,
                   job.priority = 'interactive' OR job.created_at < clock_timestamp() - :promoted AS urgent
            FROM jobs job
            WHERE job.tenant_id = tenant.id AND job.pool = :pool AND job.priority = kind.priority
              AND job.state = 'queued' AND job.admitted_at IS NULL
              AND (job.not_before IS NULL OR job.not_before <= clock_timestamp())
            ORDER BY job.id
            LIMIT :room
        ) waiting
    ),
    ordered AS (
        SELECT id, urgent,
               (loaded - seconds + sum(seconds) OVER (PARTITION BY tenant_id ORDER BY urgent DESC, id)) / weight
                   AS share
        FROM candidates
    )
    SELECT id FROM ordered ORDER BY urgent DESC, share, id LIMIT :room
    """
)


def admit(database: Database, queue: Queue, pool: Pool, window: int) -> int:
    """Send the next jobs of a pool to its workers, as many as the window has room for; how many were sent.

    Sent after the commit, so that no message goes out for what is undone. Where Redis does not answer they wait
    for the next round.
    """
    with database.system() as connection:
        chosen = choose(connection, pool, window)
    if chosen:
        try:
            queue.send(pool, chosen)
        except TemporarilyUnavailable:
            with database.system() as connection:
                _wait_again(connection, chosen)
            raise
    return len(chosen)


def choose(connection: Connection, pool: Pool, window: int) -> list[UUID]:
    """Mark the next jobs of a pool as admitted, and give their ids in order."""
    admitted = (jobs.c.pool == pool, is_in(JobState.QUEUED, "jobs.admitted_at IS NOT NULL"))
    room = window - connection.execute(select(func.count()).select_from(jobs).where(*admitted)).scalar_one()
    if room <= 0:
        return []
    values = {"pool": pool, "room": room, "least": LEAST_SECONDS, "promoted": PROMOTED_AFTER}
    order = list(connection.execute(_NEXT, values).scalars())
    # Two that admit at once choose the same jobs; each is marked, and sent, by one of them.
    taken = connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(order), is_in(JobState.QUEUED, "jobs.admitted_at IS NULL"))
        .values(admitted_at=NOW)
        .returning(jobs.c.id)
    ).scalars()
    mine = set(taken)
    return [job for job in order if job in mine]


def forget_lost(database: Database, queue: Queue, pool: Pool) -> int:
    """Let jobs whose message was lost wait again; how many there were.

    A message is not in line any more where the queue is empty, or where one that was sent after it has been taken. Then
    it is lost, or lies with a worker that is busy with something else: another one may have it. A second message for
    the same job does nothing.
    """
    overtaken = jobs.alias()
    later = select(overtaken.c.id).where(
        overtaken.c.pool == pool,
        overtaken.c.state == JobState.RUNNING,
        overtaken.c.admitted_at > jobs.c.admitted_at,
    )
    passed_over = true() if queue.depth(pool) == 0 else later.exists()
    with database.system() as connection:
        lost = connection.execute(
            update(jobs)
            .where(jobs.c.pool == pool, is_in(JobState.QUEUED, "jobs.admitted_at IS NOT NULL"))
            .where(jobs.c.admitted_at < NOW - LOST_AFTER)
            .where(passed_over)
            .values(admitted_at=None)
            .returning(jobs.c.id)
        ).all()
    return len(lost)


def _wait_again(connection: Connection, chosen: Sequence[UUID]) -> None:
    connection.execute(
        update(jobs).where(jobs.c.id.in_(chosen), jobs.c.state == JobState.QUEUED).values(admitted_at=None)
    )
