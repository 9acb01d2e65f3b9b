"""How long the queues are, as the dispatcher sees them in Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from uuid import UUID

from sqlalchemy import Connection, func, select, union_all

from api.jobs.transition import NOW, is_in
from api.states import JobState, Pool, Priority
from api.tables import jobs, webhook_deliveries
from api.webhooks.announcing import STATEMENT
from api.webhooks.deliveries import is_pending
from workers.metrics import DELIVERY_AGE, DUE, QUEUE_AGE, QUEUED, ROUND_AT


def observe_queues(connection: Connection) -> None:
    """Set the gauges of every pool and priority, and of the webhooks."""
    _observe_jobs(connection)
    _observe_deliveries(connection)
    ROUND_AT.set_to_current_time()


def count_dead(connection: Connection, ids: Sequence[UUID]) -> int:
    """How many of some jobs are dead."""
    if not ids:
        return 0
    dead = select(func.count()).where(jobs.c.id.in_(ids), jobs.c.state == JobState.DEAD)
    return connection.execute(dead).scalar_one()


def _observe_jobs(connection: Connection) -> None:
    # A job that waits for its next attempt waits for no worker before; GREATEST passes over nulls.
    since = func.greatest(func.coalesce(jobs.c.queued_at, jobs.c.created_at), jobs.c.not_before)
    # By way of the partial indexes, one each: there may be millions of ended jobs.
    kinds = ("jobs.admitted_at IS NULL", "jobs.admitted_at IS NOT NULL")
    queued = union_all(
        *(
            select(jobs.c.pool, jobs.c.priority, since.label("since")).where(is_in(JobState.QUEUED, kind))
            for kind in kinds
        )
    ).subquery()
    age = func.greatest(func.extract("epoch", NOW - func.min(queued.c.since)), 0)
    statement = select(queued.c.pool, queued.c.priority, func.count(), age).group_by(queued.c.pool, queued.c.priority)
    found = {(row[0], row[1]): (row[2], float(row[3])) for row in connection.execute(statement)}
    for pool, priority in product(Pool, Priority):
        number, seconds = found.get((pool, priority), (0, 0.0))
        QUEUED.labels(pool, priority).set(number)
        QUEUE_AGE.labels(pool, priority).set(seconds)


def _observe_deliveries(connection: Connection) -> None:
    age = func.extract("epoch", STATEMENT - func.min(webhook_deliveries.c.next_at))
    due = is_pending(), webhook_deliveries.c.next_at <= STATEMENT
    number, seconds = connection.execute(select(func.count(), age).where(*due)).one()
    DUE.set(number)
    DELIVERY_AGE.set(seconds or 0.0)
