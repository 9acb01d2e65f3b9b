"""Who goes next. Jobs wait in Postgres, where their order can change; Redis holds a shallow window of each pool.

There is a lane of messages for each priority, and workers take interactive jobs first: one that comes now waits for
the jobs at hand, and not for the archive whose ids went out before. Among tenants the one with the least audio in
flight for its weight goes first; admitted and not yet taken counts as in flight. `api.jobs.promotion` lets an archive
that has waited for hours through all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
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

_NEXT = text(
    """
    WITH room (priority, places) AS (VALUES ('interactive', CAST(:interactive AS int)), ('backfill', :backfill)),
    load AS (
        SELECT tenant_id, sum(greatest(audio_seconds, :least)) AS seconds
        FROM jobs
        WHERE pool = :pool AND (state = 'running' OR (state = 'queued' AND admitted_at IS NOT NULL))
        GROUP BY tenant_id
    ),
    candidates AS (
        SELECT waiting.*, room.priority, room.places, tenant.weight, coalesce(load.seconds, 0) AS loaded
        FROM tenants tenant
        LEFT JOIN load ON load.tenant_id = tenant.id
        CROSS JOIN room
        CROSS JOIN LATERAL (
            SELECT job.id, job.tenant_id, greatest(job.audio_seconds, :least) AS seconds
            FROM jobs job
            WHERE job.tenant_id = tenant.id AND job.pool = :pool AND job.priority = room.priority
              AND job.state = 'queued' AND job.admitted_at IS NULL
              AND (job.not_before IS NULL OR job.not_before <= clock_timestamp())
            ORDER BY job.id
            LIMIT room.places
        ) waiting
    ),
    shares AS (
        SELECT id, priority, places,
               (loaded - seconds + sum(seconds) OVER (PARTITION BY tenant_id, priority ORDER BY id)) / weight AS share
        FROM candidates
    ),
    ordered AS (
        SELECT id, priority, places, row_number() OVER (PARTITION BY priority ORDER BY share, id) AS place FROM shares
    )
    SELECT id, priority FROM ordered WHERE place <= places ORDER BY priority, place
    """
)


def admit(database: Database, queue: Queue, pool: Pool, window: int) -> int:
    """Send the next jobs of a pool to its workers, as many as the window of each lane has room for; how many were sent.

    Sent after the commit, so that no message goes out for what is undone. Where Redis does not answer they wait
    for the next round.
    """
    with database.system() as connection:
        chosen = choose(connection, pool, window)
    try:
        for priority, ids in chosen.items():
            queue.send(pool, ids, LANES[priority])
    except TemporarilyUnavailable:
        with database.system() as connection:
            wait_again(connection, [job for ids in chosen.values() for job in ids])
        raise
    return sum(map(len, chosen.values()))


def choose(connection: Connection, pool: Pool, window: int) -> Mapping[Priority, Sequence[UUID]]:
    """Mark the next jobs of a pool as admitted, and give their ids in order; a priority without any is left out."""
    admitted = (jobs.c.pool == pool, is_in(JobState.QUEUED, "jobs.admitted_at IS NOT NULL"))
    counts = select(jobs.c.priority, func.count()).where(*admitted).group_by(jobs.c.priority)
    sent = {Priority(priority): number for priority, number in connection.execute(counts)}
    room = {priority: max(0, window - sent.get(priority, 0)) for priority in Priority}
    if not any(room.values()):
        return {}
    values = {"pool": pool, "least": LEAST_SECONDS, **{str(priority): places for priority, places in room.items()}}
    order = {row.id: Priority(row.priority) for row in connection.execute(_NEXT, values)}
    # Two that admit at once choose the same jobs; each is marked, and sent, by one of them.
    taken = connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(order), is_in(JobState.QUEUED, "jobs.admitted_at IS NULL"))
        # One moment for all of them: none has overtaken another.
        .values(admitted_at=func.statement_timestamp())
        .returning(jobs.c.id)
    ).scalars()  # fmt: skip
    mine = set(taken)
    found = {priority: [job for job in order if job in mine and order[job] == priority] for priority in Priority}
    return {priority: ids for priority, ids in found.items() if ids}


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
    empty = {lane: queue.depth(pool, lane) == 0 for lane in Lane}
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
