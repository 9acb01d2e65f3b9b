"""Who goes next. Jobs wait in Postgres, where their order can change; Redis holds a shallow window of each pool.

There is a lane of messages for each priority, and workers take interactive jobs first: one that comes now waits for
the jobs at hand, and not for the archive whose ids went out before. Among tenants the one with the least audio in
flight for its weight goes first; admitted and not yet taken counts as in flight. `api.jobs.promotion` lets an archive
that has waited for hours through all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, case, false, func, literal, or_, select, text, update
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from api.db import Database
from api.errors import TemporarilyUnavailable
from api.jobs.transition import NOW, is_in
from api.queue import Lane, Queue
from api.states import JobState, Pool, Priority
from api.tables import jobs

LANES: Final[Mapping[Priority, Lane]] = {Priority.INTERACTIVE: Lane.FIRST, Priority.BACKFILL: Lane.LATER}
LOST_AFTER: Final = timedelta(seconds=5)
"""A message that nobody took for so long is believed lost, unless it may still be in line."""
LEAST_SECONDS: Final = 10.0
"""A job counts as at least so much audio: short ones cost their overhead, and how long one is shows only later."""

_ADMIT: Final = text(
    """
    WITH load AS (
        SELECT pool, tenant_id, sum(greatest(audio_seconds, :least)) AS seconds
        FROM jobs
        WHERE pool = ANY(:pools) AND (state = 'running' OR (state = 'queued' AND admitted_at IS NOT NULL))
        GROUP BY pool, tenant_id
    ),
    room AS (
        SELECT pool, priority, greatest(0, :window - count(admitted.id)) AS places
        FROM unnest(CAST(:pools AS text[])) AS pools (pool)
        CROSS JOIN (VALUES ('interactive'), ('backfill')) AS priorities (priority)
        LEFT JOIN (SELECT * FROM jobs WHERE state = 'queued' AND admitted_at IS NOT NULL) AS admitted
            USING (pool, priority)
        GROUP BY pool, priority
    ),
    candidates AS (
        SELECT waiting.*, room.*, tenant.weight, coalesce(load.seconds, 0) AS loaded
        FROM room
        CROSS JOIN tenants tenant
        LEFT JOIN load ON load.pool = room.pool AND load.tenant_id = tenant.id
        CROSS JOIN LATERAL (
            SELECT job.id, job.tenant_id, greatest(job.audio_seconds, :least) AS seconds
            FROM jobs job
            WHERE job.tenant_id = tenant.id AND job.pool = room.pool AND job.priority = room.priority
              AND job.state = 'queued' AND job.admitted_at IS NULL
              AND (job.not_before IS NULL OR job.not_before <= clock_timestamp())
            ORDER BY job.id
            LIMIT room.places
        ) waiting
    ),
    shares AS (
        SELECT id, pool, priority, places,
               (loaded - seconds + sum(seconds) OVER (PARTITION BY tenant_id, pool, priority ORDER BY id)) / weight
                   AS share
        FROM candidates
    ),
    ordered AS (
        SELECT id, pool, priority, places, row_number() OVER (PARTITION BY pool, priority ORDER BY share, id) AS place
        FROM shares
    ),
    -- As one array, so that few rows are looked up and not all are joined.
    chosen AS (SELECT array_agg(id ORDER BY place) AS ids FROM ordered WHERE place <= places)
    UPDATE jobs
    -- One moment for all of them: none has overtaken another.
    SET admitted_at = statement_timestamp()
    FROM chosen
    -- Two that admit at once choose the same jobs; each is marked, and sent, by one of them.
    WHERE jobs.id = ANY(chosen.ids) AND jobs.state = 'queued' AND jobs.admitted_at IS NULL
    RETURNING jobs.id, jobs.pool, jobs.priority, array_position(chosen.ids, jobs.id) AS place
    """
)


def admit(database: Database, queue: Queue, pools: Iterable[Pool], window: int) -> int:
    """Send the next jobs to the workers of pools, as many as the window of each lane has room for; how many were sent.

    Sent after the commit, so that no message goes out for what is undone. Where Redis does not answer they wait
    for the next round.
    """
    with database.system() as connection:
        chosen = choose(connection, pools, window)
    unsent = dict(chosen)
    try:
        for (pool, priority), ids in chosen.items():
            queue.send(pool, ids, LANES[priority])
            del unsent[pool, priority]
    except TemporarilyUnavailable:
        with database.system() as connection:
            wait_again(connection, [job for ids in unsent.values() for job in ids])
        raise
    return sum(map(len, chosen.values()))


def choose(
    connection: Connection, pools: Iterable[Pool], window: int
) -> Mapping[tuple[Pool, Priority], Sequence[UUID]]:
    """Mark the next jobs of pools as admitted, and give their ids in order, for each lane that has any."""
    lanes: dict[tuple[Pool, Priority], list[UUID]] = {(pool, priority): [] for pool in pools for priority in Priority}
    values = {"pools": list({str(pool) for pool, _ in lanes}), "window": window, "least": LEAST_SECONDS}
    for row in sorted(connection.execute(_ADMIT, values), key=attrgetter("place")):
        lanes[Pool(row.pool), Priority(row.priority)].append(row.id)
    return {lane: ids for lane, ids in lanes.items() if ids}


def forget_lost(database: Database, queue: Queue, pool: Pool) -> int:
    """Let jobs whose message was lost wait again; how many there were.

    A message is not in line any more where its lane is empty, or where one of that lane that was sent after it has been
    taken. Then it is lost, or lies with a worker that is busy with something else: another one may have it. A second
    message for the same job does nothing.
    """
    overtaken = jobs.alias()
    later = select(overtaken.c.id).where(
        overtaken.c.pool == pool,
        overtaken.c.state == JobState.RUNNING,
        overtaken.c.admitted_at > jobs.c.admitted_at,
        _goes_first(overtaken.c) == _goes_first(jobs.c),
    )
    empty = {lane: queue.depth(pool, lane) == 0 for lane in (Lane.FIRST, Lane.LATER)}
    nothing_in_line = case((_goes_first(jobs.c), literal(empty[Lane.FIRST])), else_=literal(empty[Lane.LATER]))
    with database.system() as connection:
        lost = connection.execute(
            update(jobs)
            .where(jobs.c.pool == pool, is_in(JobState.QUEUED, "jobs.admitted_at IS NOT NULL"))
            .where(jobs.c.admitted_at < NOW - LOST_AFTER)
            .where(or_(nothing_in_line, later.exists()))
            .values(admitted_at=None)
            .returning(jobs.c.id)
        ).all()
    return len(lost)


def _goes_first(job: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """Whether the latest message of an admitted job is in the first lane: it is interactive, or was promoted."""
    promoted = func.coalesce(job.promoted_at == job.admitted_at, false())
    return or_(job.priority == Priority.INTERACTIVE, promoted)


def wait_again(connection: Connection, chosen: Sequence[UUID]) -> None:
    """Take back that jobs were admitted: nobody was told."""
    connection.execute(
        update(jobs).where(jobs.c.id.in_(chosen), jobs.c.state == JobState.QUEUED).values(admitted_at=None)
    )
