"""How long the queues are, as the dispatcher sees them in Postgres."""

from __future__ import annotations

from itertools import product

from sqlalchemy import Connection, func, select

from api.jobs.states import JobState, Pool, Priority
from api.jobs.transition import NOW
from api.tables import jobs
from workers.metrics import QUEUE_AGE, QUEUED


def observe_queues(connection: Connection) -> None:
    """Set the gauges of every pool and priority."""
    age = func.extract("epoch", NOW - func.min(func.coalesce(jobs.c.queued_at, jobs.c.created_at)))
    statement = (
        select(jobs.c.pool, jobs.c.priority, func.count(), age)
        .where(jobs.c.state == JobState.QUEUED)
        .group_by(jobs.c.pool, jobs.c.priority)
    )
    found = {(row[0], row[1]): (row[2], float(row[3])) for row in connection.execute(statement)}
    for pool, priority in product(Pool, Priority):
        number, seconds = found.get((pool, priority), (0, 0.0))
        QUEUED.labels(pool, priority).set(number)
        QUEUE_AGE.labels(pool, priority).set(seconds)
